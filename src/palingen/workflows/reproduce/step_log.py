"""Log of a reproduction, `steps.json`: when each step was finished, in how many seconds, and on what."""

from datetime import date
from pathlib import Path
from typing import Any

from palingen.runtime.atomic_io import write_json
from palingen.runtime.environment import environment
from palingen.runtime.json_io import Shape, read_json
from palingen.runtime.numerics import current_execution
from palingen.runtime.processor import processor_name

LOG: Shape = {
    ...: {
        "finished": str,
        "seconds": float,
        "model": str,
        "processor": str,
        "python": str,
        "torch": str,
        "threads": int,
    }
}


def read_log(folder: Path) -> dict[str, dict[str, Any]]:
    """Entries by the name of the step; empty without a log.

    Raises:
        DataError: the log is damaged.
    """
    path = folder / "steps.json"
    log: dict[str, dict[str, Any]] = read_json(path, LOG, advice="delete it") if path.exists() else {}
    return log


def log_step(folder: Path, name: str, seconds: float) -> None:
    """Log a step that has just been finished, unless it was finished before.

    Args:
        folder: folder of the reproduction.
        name: name of the step.
        seconds: duration of the sitting in which it was finished.
    """
    if name in (log := read_log(folder)):
        return
    hardware = {"model": processor_name(), **environment(current_execution("auto"))}
    del hardware["engine"]  # each run records its own
    log[name] = {"finished": date.today().isoformat(), "seconds": seconds, **hardware}
    write_json(folder / "steps.json", log)
