"""Run folder: config, environment, records, checkpoint and weights of one training.

    config.json           the experiment
    environment.json      versions, commit, command, engine, threads
    records.jsonl         measurements, one JSON object a line
    resume.pt             checkpoint of an unfinished run; loads with `weights_only=True`
    weights.safetensors   the result, written last: a folder that has it is a finished run

An interrupted run continues from `resume.pt` and ends in the same weights as an uninterrupted one.
"""

import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import torch
from filelock import FileLock, Timeout
from torch import Tensor

from palingen.runtime.atomic_io import remove_temporary_files, write_atomically, write_json
from palingen.runtime.config_io import parse_config
from palingen.runtime.environment import environment
from palingen.runtime.errors import RunError
from palingen.runtime.numerics import Execution
from palingen.runtime.safetensors_io import save_weights

Config = TypeVar("Config")


def read_config(folder: Path, kind: type[Config]) -> Config:
    """Config of the run in `folder`, which must be of class `kind`.

    Raises:
        RunError: there is no run, it is damaged, or it is of another kind.
    """
    path = folder / "config.json"
    return parse_config(_parse_json(path, _read_text(path)), kind, path)


def read_records(folder: Path) -> list[dict[str, Any]]:
    """All records of a run, oldest first.

    Raises:
        RunError: there are none, or the file is damaged.
    """
    path = folder / "records.jsonl"
    return [_parse_json(path, line) for line in _read_text(path).splitlines()]


def read_environment(folder: Path) -> dict[str, Any]:
    """Environment of a run, as JSON.

    Raises:
        RunError: there is none, or the file is damaged.
    """
    path = folder / "environment.json"
    environment: dict[str, Any] = _parse_json(path, _read_text(path))
    return environment


def _read_text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        raise RunError(f"{path.parent}: not a run folder (no {path.name})") from None
    except UnicodeDecodeError as error:
        raise RunError(f"{path}: damaged ({error})") from error


def _parse_json(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise RunError(f"{path}: damaged ({error})") from error


class RunFolder:
    """Run folder locked by this process, or by the main process of a distributed run. Made by `open_run`."""

    def __init__(self, folder: Path, config: Any, *, is_main: bool = True) -> None:
        self.folder, self.config, self.is_main = folder, config, is_main
        self.execution: Execution | None = None
        self._records = (folder / "records.jsonl" if is_main else Path(os.devnull)).open("ab")

    @property
    def finished(self) -> bool:
        """Whether the weights are written."""
        return (self.folder / "weights.safetensors").exists()

    @property
    def result(self) -> dict[str, Any]:
        """Result record written by `finalize`."""
        return next(record for record in reversed(read_records(self.folder)) if record["kind"] == "result")

    def set_execution(self, execution: Execution, *, allow_change: bool = False) -> None:
        """Record how this run is computed; it becomes part of the environment, the checkpoints and the result.

        Raises:
            RunError: the checkpoint was computed with other settings, and `allow_change` is False.
        """
        state = self._read_checkpoint()
        if state and not allow_change and (changes := _changes(Execution(**state["execution"]), execution)):
            raise RunError(
                f"{self.folder}: cannot resume exactly with {changes}; allow_engine_change=True resumes anyway"
            )
        self.execution = execution
        if self.is_main:
            write_json(self.folder / "environment.json", environment(execution))

    def log(self, kind: str, **values: Any) -> None:
        """Append a record."""
        self._records.write((json.dumps({"kind": kind, **values}) + "\n").encode())
        self._records.flush()

    def save_checkpoint(self, state: Mapping[str, Any]) -> None:
        """Save `state` (loadable with `weights_only=True`) with the execution and the length of the records."""
        if not self.is_main:
            return
        os.fsync(self._records.fileno())
        buffer = io.BytesIO()
        execution = None if self.execution is None else asdict(self.execution)
        torch.save({**state, "execution": execution, "records_bytes": self._records.tell()}, buffer)
        write_atomically(self.folder / "resume.pt", buffer.getvalue())

    def load_checkpoint(self) -> dict[str, Any] | None:
        """Last checkpoint, or None. Records made after it are dropped, since they will be made again.

        Raises:
            RunError: the checkpoint is damaged.
        """
        state = self._read_checkpoint()
        if self.is_main:
            self._records.truncate(state["records_bytes"] if state else 0)
        return state

    def finalize(self, weights: Mapping[str, Tensor], **result: Any) -> dict[str, Any]:
        """Log the result with the execution, then write the weights, which marks the run as finished."""
        result |= asdict(self.execution) if self.execution else {}
        self.log("result", **result)
        if not self.is_main:
            return result
        os.fsync(self._records.fileno())
        save_weights(self.folder / "weights.safetensors", weights, self.config)
        (self.folder / "resume.pt").unlink(missing_ok=True)
        return self.result

    def close(self) -> None:
        """Close the records file."""
        self._records.close()

    def _read_checkpoint(self) -> dict[str, Any] | None:
        path = self.folder / "resume.pt"
        if not path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
            _ = state["records_bytes"], state["execution"]
        except OSError:
            raise
        except Exception as error:  # torch.load raises many types for a damaged file
            raise RunError(f"{path}: damaged; force=True starts the run anew ({type(error).__name__})") from error
        return state


@contextmanager
def open_run(folder: Path, config: Any, *, force: bool = False, is_main: bool = True) -> Iterator[RunFolder]:
    """Lock `folder` for `config`: created if missing, continued if it holds the same config.

    Args:
        folder: where the run lives.
        config: frozen dataclass of JSON values.
        force: delete what the folder holds and start anew.
        is_main: whether this process writes; the others of a distributed run only read.

    Raises:
        RunError: another process holds the folder, or it holds another config or something that is not a run.
        OSError: the folder cannot be made or written.
    """
    if not is_main:
        yield RunFolder(folder, config, is_main=False)
        return
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock", blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(f"{folder}: another process is working in this run folder") from None
    try:
        _prepare(folder, config, force)
        run = RunFolder(folder, config)
        try:
            yield run
        finally:
            run.close()
    finally:
        lock.release()


def _prepare(folder: Path, config: Any, force: bool) -> None:
    remove_temporary_files(folder)  # of a process that was killed while writing; the lock is ours now
    contents = [path for path in folder.iterdir() if not path.name.startswith(".")]
    if contents and not (folder / "config.json").exists():
        raise RunError(f"{folder}: not empty and not a run folder; choose another folder")
    if contents and force:
        for path in contents:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    elif contents and (changes := _changes(read_config(folder, type(config)), config)):
        raise RunError(f"{folder}: holds a run with other settings ({changes}); force=True replaces it")
    write_json(folder / "config.json", {"kind": type(config).__name__, **asdict(config)})


def _changes(before: Any, now: Any) -> str:
    """Fields in which two dataclasses of one type differ, as text."""
    return "; ".join(
        f"{field.name}={getattr(now, field.name)!r}, was {getattr(before, field.name)!r}"
        for field in fields(now)
        if getattr(before, field.name) != getattr(now, field.name)
    )
