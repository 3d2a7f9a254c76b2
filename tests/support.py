"""Helpers that several tests share."""

import contextlib
import copy
import gzip
import io
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
"""The checkout."""

Command = Callable[..., subprocess.CompletedProcess[str]]
"""Runs `palingen` with arguments."""


def write_idx(path: Path, array: object) -> None:
    """Write an array of unsigned bytes in the IDX format."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(struct.pack(">I", size) for size in array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


DIVERGING = {
    "architecture": "residual", "loss": "least-squares", "learning_rate": 100.0, "discriminator_loss_weight": 1e6,
}  # fmt: skip
"""Settings of a GAN, each valid, whose loss is soon infinite."""


def unchecked(config: Any, **changes: Any) -> Any:
    """Copy of a config with values that it would refuse, such as a learning rate with which every training diverges."""
    copied = copy.copy(config)
    for name, value in changes.items():
        object.__setattr__(copied, name, value)
    return copied


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
