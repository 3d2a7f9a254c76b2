"""One experiment, one folder: its config, its surroundings, its records, its checkpoint, its weights.

    config.json           what was asked for, one JSON object
    environment.json      versions, device, commit and command of the last start
    records.jsonl         what was measured, one JSON object a line
    resume.pt             of an unfinished run: network, optimiser, randomness, position; loads with `weights_only=True`
    weights.safetensors   the result; it is written last, so a folder that has it is a finished run

A run that is started again continues from `resume.pt` and ends in the very same weights.
"""

import hashlib
import io
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import torch
from filelock import FileLock, Timeout
from torch import Tensor

from palingen import __version__
from palingen.errors import PalingenError, RunError
from palingen.files import write_atomically, write_json
from palingen.weights import save_weights

Config = TypeVar("Config")


def choose_device(name: str = "auto") -> torch.device:
    """The device called `name`; `auto` takes CUDA, then Apple's GPU, then the processor.

    Sets flush-denormal for the whole process: vanishing gradients become subnormal numbers, which slow a
    processor's backward pass about fifteen-fold.
    """
    torch.set_flush_denormal(True)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise PalingenError(f"device: {name!r} is not to be had here ({str(error).splitlines()[0]})") from error
    return device


def config_hash(config: Any) -> str:
    """Eight hexadecimal digits that name a config: equal configs, equal names."""
    return hashlib.sha256(json.dumps(asdict(config), sort_keys=True).encode()).hexdigest()[:8]


def read_config(folder: Path, kind: type[Config]) -> Config:
    """The config in `folder`, as an object of `kind`.

    Raises:
        RunError: there is no run, it is damaged, or it is one of another kind.
    """
    path = folder / "config.json"
    try:
        values = json.loads(path.read_text())
    except FileNotFoundError:
        raise RunError(f"{folder}: no run here (it has no config.json)") from None
    except ValueError as error:
        raise RunError(f"{path}: damaged ({error})") from error
    if not isinstance(values, dict) or values.pop("kind", None) != kind.__name__:
        raise RunError(f"{folder}: holds another kind of experiment than {kind.__name__}")
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise RunError(f"{path}: {error}") from error


def read_records(folder: Path) -> list[dict[str, Any]]:
    """All records of a run, in the order in which they were made."""
    path = folder / "records.jsonl"
    try:
        return [json.loads(line) for line in path.read_text().splitlines()]
    except FileNotFoundError:
        raise RunError(f"{folder}: no records here") from None
    except ValueError as error:
        raise RunError(f"{path}: damaged ({error})") from error


class Run:
    """A run folder held by this process, or by another that this one follows. Made by `open_run`."""

    def __init__(self, folder: Path, config: Any, *, leads: bool = True) -> None:
        self.folder, self.config, self.leads = folder, config, leads
        self._records = (folder / "records.jsonl" if leads else Path(os.devnull)).open("ab")

    @property
    def finished(self) -> bool:
        """Whether the run's weights are there."""
        return (self.folder / "weights.safetensors").exists()

    @property
    def result(self) -> dict[str, Any]:
        """The record that `finish` wrote."""
        return next(record for record in reversed(read_records(self.folder)) if record["kind"] == "result")

    def record(self, kind: str, **values: Any) -> None:
        """Append one line to the records."""
        self._records.write((json.dumps({"kind": kind, **values}) + "\n").encode())
        self._records.flush()

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        """Save all that is needed to go on exactly from here. The records up to here become part of it."""
        if not self.leads:
            return
        os.fsync(self._records.fileno())
        buffer = io.BytesIO()
        torch.save({**state, "records_bytes": self._records.tell()}, buffer)
        write_atomically(self.folder / "resume.pt", buffer.getvalue())

    def restore(self) -> dict[str, Any] | None:
        """The last checkpoint, or None for a fresh start. Records made after it are dropped: they come again."""
        path = self.folder / "resume.pt"
        if not path.exists():
            if self.leads:
                self._records.truncate(0)
            return None
        try:
            state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
            if self.leads:
                self._records.truncate(state["records_bytes"])
        except OSError:
            raise
        except Exception as error:  # torch.load raises many kinds for a damaged file; all mean the same to its reader
            raise RunError(f"{path}: damaged; --force starts the run anew ({type(error).__name__})") from error
        return state

    def finish(self, weights: Mapping[str, Tensor], **result: Any) -> dict[str, Any]:
        """Record the result, then write the weights, which marks the run as finished; nothing is left to resume."""
        self.record("result", **result)
        if not self.leads:
            return result
        os.fsync(self._records.fileno())
        save_weights(self.folder / "weights.safetensors", weights, self.config)
        (self.folder / "resume.pt").unlink(missing_ok=True)
        return self.result

    def close(self) -> None:
        """Let go of the records file."""
        self._records.close()


@contextmanager
def open_run(folder: Path, config: Any, *, force: bool = False, leads: bool = True) -> Iterator[Run]:
    """Hold `folder` for `config`: made if it is not there, continued if it holds the same config.

    Args:
        folder: where the run lives.
        config: a frozen dataclass of JSON values.
        force: forget what the folder holds and start anew.
        leads: whether this process writes; one that follows reads what its leader holds.

    Raises:
        RunError: another process holds the folder, or it holds another config or something else altogether.
        OSError: the folder cannot be made or written.
    """
    if not leads:
        yield Run(folder, config, leads=False)
        return
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock", blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(f"{folder}: another process is working in this run folder") from None
    try:
        _claim(folder, config, force)
        run = Run(folder, config)
        try:
            yield run
        finally:
            run.close()
    finally:
        lock.release()


def _claim(folder: Path, config: Any, force: bool) -> None:
    held = [path for path in folder.iterdir() if not path.name.startswith(".")]
    if held and not (folder / "config.json").exists():
        raise RunError(f"{folder}: not empty and no run; give another folder with --out")
    if held and force:
        for path in held:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    elif held:
        before = read_config(folder, type(config))
        differing = [
            f"{field.name} {getattr(before, field.name)!r} there, {getattr(config, field.name)!r} asked for"
            for field in fields(config)
            if getattr(before, field.name) != getattr(config, field.name)
        ]
        if differing:
            raise RunError(f"{folder}: holds a run with other settings ({'; '.join(differing)}); --force replaces it")
    write_json(folder / "config.json", {"kind": type(config).__name__, **asdict(config)})
    if not (folder / "weights.safetensors").exists():
        write_json(folder / "environment.json", environment())


def environment() -> dict[str, Any]:
    """What a reader needs to judge or repeat a measurement; no name of a machine or of a person."""
    return {
        "palingen": __version__,
        "commit": _commit(),
        "command": shlex.join(["palingen", *sys.argv[1:]]),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _commit() -> str | None:
    here = Path(__file__).parent
    ask = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(ask, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
