"""Log of one run in one library: what every tracker can do, and how it is opened.

h, w  pixels
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from jaxtyping import UInt8
from numpy import ndarray

from palingen.runtime.tracking.trackers import ENVIRONMENT, TrackerName


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """Run that a tracker logs."""

    folder: Path
    """Its run folder; a tracker writes to the folder of its name in there."""

    settings: Mapping[str, Any]
    """Fields of its config."""

    run_id: str | None
    """Identity of its log in the library, if there is one already."""


@runtime_checkable
class Tracker(Protocol):
    """Log of one run in one library. Every method may raise whatever the library raises."""

    @property
    def run_id(self) -> str | None:
        """Identity of the log in the library; None if its folder tells it."""

    @property
    def is_new(self) -> bool:
        """Whether the log is empty, so that everything must be sent."""

    def log(self, numbers: Mapping[str, float], axis: str | None, position: int) -> None:
        """Log numbers at a position of an axis (`step` or `epoch`); without an axis, as final ones."""

    def log_image(self, name: str, pixels: UInt8[ndarray, "h w"], step: int) -> None:
        """Log grey levels after a step."""

    def close(self, finished: bool) -> None:
        """Close the log: the run is finished, or interrupted."""


def open_tracker(name: TrackerName, folder: Path, config: Any, run_id: str | None) -> Tracker:
    """Open the log of a run, or go on with it; only now its library is imported."""
    for variable, value in ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    module = import_module(f"palingen.runtime.tracking.{name}_tracker")
    create: Callable[[TrackedRun], Tracker] = module.open_log
    return create(TrackedRun(folder=folder, settings=asdict(config), run_id=run_id))
