"""MLflow: files in the folder `mlflow` of a run, or the store that MLFLOW_TRACKING_URI names.

h, w  pixels
"""

import os
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from filelock import FileLock
from jaxtyping import UInt8
from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from numpy import ndarray

from palingen.runtime.errors import DataError
from palingen.runtime.tracking.protocol import TrackedRun, Tracker
from palingen.runtime.tracking.trackers import PROJECT

STORE_VARIABLE = "MLFLOW_TRACKING_URI"
"""Variable with the address of a store for all runs together."""


def open_log(run: TrackedRun) -> Tracker:
    """Open the log of a run."""
    return MlflowTracker(run)


class MlflowTracker:
    """Log of one run in MLflow."""

    def __init__(self, run: TrackedRun) -> None:
        self._store = os.environ.get(STORE_VARIABLE) or _file_store(run.folder / "mlflow")
        self._client = _connect(self._store)
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
        with _locked(self._store):
            experiment = self._experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT))
        run_id: str = self._client.create_run(experiment, run_name=run.folder.name).info.run_id
        self._client.log_batch(run_id, params=[Param(key, str(value)) for key, value in run.settings.items()])
        return run_id

    def _experiment(self, name: str) -> str:
        """Identity of the experiment, which the first run creates."""
        if experiment := self._client.get_experiment_by_name(name):
            return experiment.experiment_id
        try:
            return self._client.create_experiment(name)
        except MlflowException:
            if experiment := self._client.get_experiment_by_name(name):  # another run of a study was faster
                return experiment.experiment_id
            raise


def _connect(store: str) -> MlflowClient:
    try:
        return MlflowClient(store)
    except MlflowException as error:  # the extra installs the part of MLflow that knows folders and servers
        message = (
            f"{STORE_VARIABLE}={store}: unknown kind of store; a database needs the whole package, `pip install mlflow`"
        )
        raise DataError(message) from error


def _locked(store: str) -> AbstractContextManager[object]:
    """Lock of a store of plain files, where two processes would create one experiment twice; a server has its own."""
    url = urlsplit(store)
    if url.scheme not in ("", "file"):
        return nullcontext()
    folder = Path(url2pathname(url.path))
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / "palingen.lock")


def _file_store(folder: Path) -> str:
    """Address of a store of plain files: it needs no database, and is there at once instead of after seconds."""
    folder.mkdir(exist_ok=True)
    return folder.resolve().as_uri()
