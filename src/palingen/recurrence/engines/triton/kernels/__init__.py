"""Triton code of the recurrence. `codegen.py` writes it to one module with that of a cell; nothing imports it here."""
