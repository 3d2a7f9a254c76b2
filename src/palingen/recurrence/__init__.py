"""Recurrence laboratory: recurrent cells from their equations, and how long each remembers."""
