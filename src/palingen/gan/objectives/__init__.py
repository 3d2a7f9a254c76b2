"""Objective of the training: losses, gradient penalties, schedules, and the average of the generator's weights."""
