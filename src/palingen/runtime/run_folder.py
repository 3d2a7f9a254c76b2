"""Run folder: config, environment, records, checkpoint and weights of one training.

    config.json           the experiment
    code/                 files of the user that the config names
    environment.json      versions, commit, command, engine, threads, device
    records.jsonl         measurements, one JSON object a line
    resume.pt             checkpoint of an unfinished run; loads with `weights_only=True`
    weights.safetensors   the result, written last: a folder that has it is a finished run

An interrupted run continues from `resume.pt` and ends in the same weights as an uninterrupted one.
"""

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from torch import Tensor

from palingen.runtime.atomic_io import naming, remove_temporary_files, write_json
from palingen.runtime.checkpoint import read_checkpoint, write_checkpoint
from palingen.runtime.config_io import config_hash, describe_changes
from palingen.runtime.environment import environment
from palingen.runtime.errors import DivergenceError, RunError
from palingen.runtime.json_io import MAX_NUMBER, damaged
from palingen.runtime.kept_code import keep_code
from palingen.runtime.numerics import Execution
from palingen.runtime.run_deletion import delete_run, require_own_run
from palingen.runtime.run_files import ADVICE, read_result, require_same_run, run_contents
from palingen.runtime.safetensors_io import save_weights
from palingen.runtime.tracking.run_tracking import RunTracking
from palingen.runtime.tracking.trackers import Trackers, require_trackers

LOCK_TIMEOUT_S = 1.0
"""Seconds that another process may take to give a folder up: a killed one can have a child that ends after it."""


class RunFolder:
    """Run folder locked by this process, or by the main process of a distributed run. Made by `open_run`."""

    def __init__(self, folder: Path, config: Any, *, is_main: bool = True, trackers: Trackers = ()) -> None:
        self.folder, self.config, self.is_main = folder, config, is_main
        self.tracking = RunTracking(folder, config, trackers)
        self.execution: Execution | None = None
        self.checkpoint_path = folder / "resume.pt"
        self._records_path = folder / "records.jsonl" if is_main else Path(os.devnull)
        self._records = self._records_path.open("ab")

    @property
    def finished(self) -> bool:
        """Whether the weights are written."""
        return (self.folder / "weights.safetensors").exists()

    @property
    def result(self) -> dict[str, Any]:
        """Result record written by `finalize`."""
        return read_result(self.folder)

    def set_execution(self, execution: Execution, *, allow_change: bool = False) -> None:
        """Record how this run is computed; it becomes part of the environment, the checkpoints and the result.

        Raises:
            RunError: the checkpoint was computed with other settings, and `allow_change` is False.
        """
        state = self._read_checkpoint()
        if state and not allow_change and (changes := describe_changes(self._read_execution(state), execution)):
            raise RunError(
                f"{self.folder}: cannot resume exactly with {changes}; allow_engine_change=True resumes anyway"
            )
        self.execution = execution
        if self.is_main:
            write_json(self.folder / "environment.json", environment(execution))

    def log(self, kind: str, **values: Any) -> None:
        """Append a record.

        Raises:
            DivergenceError: a value is not finite.
            OSError: the disk is full.
        """
        for name, value in values.items():
            if isinstance(value, float) and not abs(value) <= MAX_NUMBER:  # NaN is not either
                rule = f"is above {MAX_NUMBER:g}" if math.isfinite(value) else "is no longer a finite number"
                raise DivergenceError(f"{self.folder}: {name} {rule}; try a smaller learning_rate")
        with naming(self._records_path):
            self._records.write((json.dumps({"kind": kind, **values}) + "\n").encode())
            self._records.flush()
        self.tracking.log({"kind": kind, **values})

    def save_checkpoint(self, state: Mapping[str, Any]) -> None:
        """Save `state` with the config's hash, the execution, and length and hash of the records.

        Raises:
            RunError: the folder was removed or replaced.
            OSError: the disk is full; the checkpoint before is unchanged.
        """
        if not self.is_main:
            return
        self.require_present()
        os.fsync(self._records.fileno())
        records = self._records_path.read_bytes()
        added = {
            "config": config_hash(self.config),
            "execution": None if self.execution is None else asdict(self.execution),
            "records_bytes": len(records),
            "records_sha256": sha256(records).hexdigest(),
        }
        write_checkpoint(self.checkpoint_path, {**state, **added})

    def load_checkpoint(self) -> dict[str, Any] | None:
        """Last checkpoint, or None. Records made after it are dropped, since they will be made again.

        Raises:
            DataError: the checkpoint or the records are damaged.
        """
        state = self._read_checkpoint()
        if self.is_main:
            if state:
                records = self._records_path.read_bytes()[: state["records_bytes"]]
                if sha256(records).hexdigest() != state["records_sha256"]:
                    raise damaged(self._records_path, "not the records of its checkpoint", ADVICE)
            self._records.truncate(state["records_bytes"] if state else 0)
        self.tracking.start()
        return state

    def finalize(self, weights: Mapping[str, Tensor], **result: Any) -> dict[str, Any]:
        """Log the result with the execution, then write the weights, which marks the run as finished."""
        result |= asdict(self.execution) if self.execution else {}
        self.log("result", **result)
        if not self.is_main:
            return result
        self.require_present()
        os.fsync(self._records.fileno())
        save_weights(self.folder / "weights.safetensors", weights, self.config)
        self.checkpoint_path.unlink(missing_ok=True)
        return self.result

    def require_present(self) -> None:
        """Check that the folder is still the one that this process opened.

        Raises:
            RunError: it was removed or replaced.
        """
        try:
            present = os.path.samestat(os.fstat(self._records.fileno()), self._records_path.stat())
        except FileNotFoundError:
            present = False
        if not present:
            raise RunError(f"{self.folder}: removed or replaced while the run was working in it")

    def close(self) -> None:
        """Close the records file and the trackers' logs."""
        self.tracking.close(self.finished)
        with suppress(OSError):  # a full disk has been reported when the record was written
            self._records.close()

    def _read_checkpoint(self) -> dict[str, Any] | None:
        state = read_checkpoint(self.checkpoint_path)
        if state and state["config"] != config_hash(self.config):
            raise damaged(self.checkpoint_path, "it belongs to a run with another config", ADVICE)
        return state

    def _read_execution(self, state: Mapping[str, Any]) -> Execution:
        try:
            return Execution(**state["execution"])
        except TypeError as error:
            raise damaged(self.checkpoint_path, str(error), ADVICE) from error


@contextmanager
def open_run(
    folder: Path, config: Any, *, force: bool = False, is_main: bool = True, trackers: Trackers = ()
) -> Iterator[RunFolder]:
    """Lock `folder` for `config`: created if missing, continued if it holds the same config.

    Args:
        folder: where the run lives.
        config: frozen dataclass of JSON values.
        force: delete what the folder holds and start anew.
        is_main: whether this process writes; the others of a distributed run only read.
        trackers: trackers that log the run beside its records.

    Raises:
        RunError: another process holds the folder, or it holds another config or something that is not a run.
        ConfigError: a tracker is not installed.
        DataError: the state of earlier trackers is damaged.
        OSError: the folder cannot be made or written.
    """
    require_trackers(trackers)
    if not is_main:
        yield RunFolder(folder, config, is_main=False)
        return
    folder.mkdir(parents=True, exist_ok=True)
    run_contents(folder)  # before the lock, which a folder of somebody else must not get
    lock = FileLock(folder / ".lock", timeout=LOCK_TIMEOUT_S)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(f"{folder}: another process is working in this run folder") from None
    try:
        _prepare(folder, config, force)
        with closing(RunFolder(folder, config, trackers=trackers)) as run:
            if run.finished:
                run.checkpoint_path.unlink(missing_ok=True)  # a kill may have left it
                run.tracking.start()
            yield run
    finally:
        lock.release()


def _prepare(folder: Path, config: Any, force: bool) -> None:
    contents = run_contents(folder)
    if contents:
        require_own_run(folder) if force else require_same_run(folder, config)
        remove_temporary_files(folder)  # of a process that was killed while writing; the lock is ours now
    if contents and force:
        delete_run(folder, contents)
    write_json(folder / "config.json", {"kind": type(config).__name__, **asdict(config)})
    keep_code(config, folder)  # after the config, without which a folder that is not empty is nobody's run
