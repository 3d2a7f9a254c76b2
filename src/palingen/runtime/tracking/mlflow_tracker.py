"""MLflow: files in the folder `mlflow` of a run, or the store that MLFLOW_TRACKING_URI names.

h, w  pixels
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from jaxtyping import UInt8
from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from numpy import ndarray

from palingen.runtime.tracking.protocol import TrackedRun, Tracker
from palingen.runtime.tracking.trackers import PROJECT


def open_log(run: TrackedRun) -> Tracker:
    """Open the log of a run."""
    return MlflowTracker(run)


class MlflowTracker:
    """Log of one run in MLflow."""

    def __init__(self, run: TrackedRun) -> None:
        self._client = MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or _file_store(run.folder / "mlflow"))
        self.is_new = run.run_id is None or not self._resume(run.run_id)
        self.run_id = self._create(run) if self.is_new else run.run_id

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

    def _resume(self, run_id: str) -> bool:
        """Go on with the earlier log; False if this store does not have it."""
        try:
            self._client.update_run(run_id, status="RUNNING")
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return False
        return True

    def _create(self, run: TrackedRun) -> str:
        """Create the log with the run's config; return its identity."""
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        experiment = self._client.get_experiment_by_name(name)
        experiment_id = experiment.experiment_id if experiment else self._client.create_experiment(name)
        run_id: str = self._client.create_run(experiment_id, run_name=run.folder.name).info.run_id
        self._client.log_batch(run_id, params=[Param(key, str(value)) for key, value in run.settings.items()])
        return run_id


def _file_store(folder: Path) -> str:
    """Address of a store of plain files: it needs no database, and is there at once instead of after seconds."""
    folder.mkdir(exist_ok=True)
    return folder.resolve().as_uri()
