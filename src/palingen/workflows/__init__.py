"""Workflows across both laboratories: demo, reproduction, hand-in, notebooks, and figure files."""
