"""Helpers that several tests share."""

import contextlib
import gzip
import io
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
"""The checkout."""

Command = Callable[..., subprocess.CompletedProcess[str]]
"""Runs `palingen` with arguments."""


def write_idx(path: Path, array: object) -> None:
    """Write an array of unsigned bytes in the IDX format."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(struct.pack(">I", size) for size in array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


def run_in(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `palingen` in a folder, but in this process."""
    from palingen.cli import main

    command = ["palingen", *map(str, arguments)]
    stdout, stderr, code = io.StringIO(), io.StringIO(), 0
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "argv", command)
        try:
            main()
        except SystemExit as end:
            code = end.code
    return subprocess.CompletedProcess(command, code, stdout.getvalue(), stderr.getvalue())
