"""Log of a reproduction, `steps.json`: when each step was finished, in how many seconds, and on what."""

from datetime import date
from pathlib import Path
from typing import Any

import torch

from palingen.runtime.atomic_io import write_json
from palingen.runtime.environment import environment
from palingen.runtime.json_io import Shape, read_json
from palingen.runtime.numerics import current_execution
from palingen.runtime.processor import processor_name

ENTRY: dict[str, Shape] = {
    "finished": str, "seconds": float, "model": str, "processor": str, "threads": int, "system": str, "python": str,
    "torch": str, "palingen": str, "commit": (str, None),
}  # fmt: skip
"""Fields of an entry. The command is not among them, since its folder is of no interest to others."""


def read_log(folder: Path) -> dict[str, dict[str, Any]]:
    """Entries by the name of the step; empty without a log.

    Raises:
        DataError: the log is damaged.
    """
    path = folder / "steps.json"
    log = read_json(path, {...: ENTRY}, advice="delete it") if path.exists() else {}
    return {step: {field: entry[field] for field in ENTRY} for step, entry in log.items()}


def log_step(folder: Path, name: str, seconds: float) -> None:
    """Log a step that has just been finished, unless it was finished before.

    Args:
        folder: folder of the reproduction.
        name: name of the step.
        seconds: duration of the sitting in which it was finished.
    """
    if name in (log := read_log(folder)):
        return
    hardware = environment(current_execution("auto", torch.device("cpu")))
    entry = {"finished": date.today().isoformat(), "seconds": seconds, "model": processor_name(), **hardware}
    log[name] = {field: entry[field] for field in ENTRY}
    write_json(folder / "steps.json", log)
