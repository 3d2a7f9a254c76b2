"""Notices on standard error."""

import sys
from functools import cache


@cache
def print_once(message: str) -> None:
    """Print a message on standard error, once in a process."""
    print(message, file=sys.stderr)
