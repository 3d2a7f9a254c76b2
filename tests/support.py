"""Helpers that several tests share."""

import contextlib
import copy
import gzip
import io
import os
import runpy
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

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


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Folder of the test session that the first test process to need it makes, while others wait; tests only read it.

    Args:
        factory: the fixture `tmp_path_factory`.
        name: name of the folder.
        make: fills the folder, which is empty.
    """
    base = factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # of all workers
    folder, complete = base / name, base / f"{name}.complete"
    with FileLock(base / f"{name}.lock"):
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            complete.touch()
    return folder


def write_page_once(factory: pytest.TempPathFactory, name: str, build: Callable[[], str]) -> Path:
    """Path of a page that one test process builds, in a folder of its own."""
    return made_once(factory, name, lambda folder: (folder / "explorer.html").write_text(build())) / "explorer.html"


def unchecked(config: Any, **changes: Any) -> Any:
    """Copy of a config with values that it would refuse, such as a learning rate with which every training diverges."""
    copied = copy.copy(config)
    for name, value in changes.items():
        object.__setattr__(copied, name, value)
    return copied


def run_in(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `palingen` in a folder, but in this process."""
    from palingen.cli import main

    return _run_here(main, ["palingen", *map(str, arguments)], folder)


def run_script(path: Path, *arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a Python file as a script in a folder, but in this process, which has imported torch already."""
    neighbours = {module.stem for module in path.parent.glob("*.py")}  # which it imports by name
    before = {name: sys.modules.pop(name) for name in neighbours & {*sys.modules}}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(path.parent)
        try:
            return _run_here(lambda: runpy.run_path(str(path), run_name="__main__"), [path, *arguments], folder)
        finally:
            for name in neighbours:
                sys.modules.pop(name, None)
            sys.modules.update(before)


def _run_here(call: Callable[[], object], command: list[object], folder: Path) -> subprocess.CompletedProcess[str]:
    """Call in a folder with the arguments of a command; return what it printed, and its exit code."""
    command = [*map(str, command)]
    stdout, stderr, code = io.StringIO(), io.StringIO(), 0
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "argv", command)
        try:
            call()
        except SystemExit as end:
            code = end.code or 0
    return subprocess.CompletedProcess(command, code, stdout.getvalue(), stderr.getvalue())
