"""Position of each tracker's log in the records of its run, in `tracking.json` of the run folder."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from palingen.runtime.atomic_io import write_json
from palingen.runtime.json_io import read_json

FILE_NAME = "tracking.json"

MAX_COUNT = 2**31
"""Bound of positions, in records and in steps."""

LOG_SHAPE = {
    "run_id": (str, None),
    "records": range(MAX_COUNT),
    "image_step": range(-1, MAX_COUNT),
    "problem": (str, None),
}

SHAPE = {"logs": {...: LOG_SHAPE}, "scores": [{"kind": str}]}
"""Shape of the file."""


@dataclass(kw_only=True)
class LogPosition:
    """Part of a run that a tracker's log holds."""

    run_id: str | None = None
    """Identity of the log in the tracker's library."""

    records: int = 0
    """Records that it holds, scores included."""

    image_step: int = -1
    """Step of the last grid of images that it holds."""

    problem: str | None = None
    """Reason why the tracker was given up."""


@dataclass
class TrackingState:
    """Content of `tracking.json`."""

    logs: dict[str, LogPosition] = field(default_factory=dict)
    """By the tracker's name."""

    scores: list[Mapping[str, Any]] = field(default_factory=list)
    """Records of scores, made after the training."""


def read_state(folder: Path) -> TrackingState:
    """State of the trackers of a run; an empty one if it has none.

    Raises:
        DataError: the file is damaged.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return TrackingState()
    content = read_json(path, SHAPE, advice="delete it, and the trackers' logs begin anew")
    logs = {name: LogPosition(**{key: log[key] for key in LOG_SHAPE}) for name, log in content["logs"].items()}
    return TrackingState(logs, content["scores"])


def write_state(folder: Path, state: TrackingState) -> None:
    """Write the state of the trackers of a run, atomically.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    write_json(folder / FILE_NAME, asdict(state))
