"""Trackers by name, and what each of them can do.

h, w  pixels
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol, get_args, runtime_checkable

from jaxtyping import UInt8
from numpy import ndarray

from palingen.runtime.errors import ConfigError
from palingen.runtime.validation import unknown_choice

TrackerName = Literal["tensorboard", "wandb", "mlflow"]
"""Tracker, by the name of the package that it needs and of the extra that installs it."""

Trackers = Sequence[TrackerName]
"""Trackers of a run."""

PROJECT = "palingen"
"""W&B project and MLflow experiment, unless the environment names another."""

AXES = {"step": "step", "epoch": "epoch", "monitor": "epoch"}
"""Axis of each kind of record, which is one of its fields; the numbers of other records are final."""

IMAGES = "samples"
"""Name of the grids of images."""

ENVIRONMENT = {
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "WANDB_ERROR_REPORTING": "false",
}
"""Environment of the libraries, unless the user sets another: files are allowed, nothing is reported to the libraries'
makers, and a server that does not answer is not waited for during minutes."""


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


def require_trackers(names: Sequence[str]) -> None:
    """Check that trackers exist and are installed.

    Raises:
        ConfigError: one is unknown, or its package is not installed.
    """
    for name in names:
        if name not in get_args(TrackerName):
            raise ConfigError(f"trackers: {unknown_choice(name, get_args(TrackerName))}")
        if getattr(find_spec(name), "origin", None) is None:  # a folder of this name is a package without an origin
            package = f"the package {name!r}, which is not installed (pip install 'palingen[{name}]')"
            raise ConfigError(f"trackers={name!r}: needs {package}")
