"""Trackers by name. Reads without their libraries."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Literal, get_args

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
