"""MLflow: files in the folder `mlflow` of a run, or the store that MLFLOW_TRACKING_URI names.

h, w  pixels
"""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from jaxtyping import UInt8
from numpy import ndarray

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
"""Environment of the library, unless the user has set another: no reports, and no minutes of waiting for a server."""

for variable, value in QUIET.items():
    os.environ.setdefault(variable, value)

from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException

from palingen.runtime.tracking.trackers import PROJECT, TrackedRun, Tracker


def open_log(run: TrackedRun) -> Tracker:
    """Open the log of a run."""
    return MlflowTracker(run)


class MlflowTracker:
    """Log of one run in MLflow."""

    def __init__(self, run: TrackedRun) -> None:
        self._client = MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or _file_store(run.folder / "mlflow"))
        self.run_id, self.is_new = run.run_id, False
        if not self._resume():
            self._create(run)

    def log(self, numbers: Mapping[str, float], axis: str | None, position: int) -> None:
        """Log metrics; final ones stand at 0."""
        now = round(1000 * time.time())
        self._client.log_batch(self.run_id, [Metric(key, value, now, position) for key, value in numbers.items()])

    def log_image(self, name: str, pixels: UInt8[ndarray, "h w"], step: int) -> None:
        """Log grey levels."""
        self._client.log_image(self.run_id, pixels, key=name, step=step)

    def close(self, finished: bool) -> None:
        """Set the final state: finished, or killed."""
        self._client.set_terminated(self.run_id, "FINISHED" if finished else "KILLED")

    def _resume(self) -> bool:
        """Go on with the earlier log, if the store has one."""
        with suppress(MlflowException):
            if self.run_id:
                self._client.update_run(self.run_id, status="RUNNING")
                return True
        return False

    def _create(self, run: TrackedRun) -> None:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        with suppress(MlflowException):  # another process may create it at this moment
            self._client.create_experiment(name)
        experiment = self._client.get_experiment_by_name(name)
        self.run_id, self.is_new = (
            self._client.create_run(experiment.experiment_id, run_name=run.folder.name).info.run_id,
            True,
        )
        self._client.log_batch(self.run_id, params=[Param(key, str(value)) for key, value in run.settings.items()])


def _file_store(folder: Path) -> str:
    """Address of a store of plain files: it needs no database, and is there at once instead of after seconds."""
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # newer versions refuse it otherwise
    folder.mkdir(exist_ok=True)
    return folder.resolve().as_uri()
