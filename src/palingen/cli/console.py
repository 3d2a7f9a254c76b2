"""Standard output of the verbs: JSON, and tables at the width of the terminal."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console

PIPE_WIDTH = 100
"""Columns of a table that goes to a file or another program, unless the environment sets COLUMNS."""


def output_console() -> Console:
    """Console on standard output that takes names literally; NO_COLOR switches its colours off."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(width=width, markup=False, emoji=False, highlight=False)


def print_json(result: Mapping[str, Any]) -> None:
    """Print one JSON object."""
    print(json.dumps(result, default=str))
