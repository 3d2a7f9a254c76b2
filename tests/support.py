"""Helpers that several tests share."""

import gzip
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The checkout."""

Command = Callable[..., subprocess.CompletedProcess[str]]
"""Runs `palingen` with arguments."""


def write_idx(path: Path, array: object) -> None:
    """Write an array of unsigned bytes in the IDX format."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(struct.pack(">I", size) for size in array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))
