"""TensorBoard: event files in the folder `tensorboard` of a run.

h, w  pixels
"""

import time
from collections.abc import Mapping

from jaxtyping import UInt8
from numpy import ndarray
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from palingen.runtime.tracking.protocol import TrackedRun, Tracker


def open_log(run: TrackedRun) -> Tracker:
    """Open the event files of a run."""
    return TensorBoardTracker(run)


class TensorBoardTracker:
    """Writer of event files. Each start adds a file, which TensorBoard reads as the continuation of those before."""

    run_id = None

    def __init__(self, run: TrackedRun) -> None:
        folder = run.folder / "tensorboard"
        self.is_new = not any(folder.glob("events.*"))
        while any(folder.glob(f"events.*.{int(time.time())}.*")):
            time.sleep(0.05)  # files are read in the order of their names, which tell the second
        self._writer = SummaryWriter(str(folder))
        if self.is_new:
            settings = {name: str(value) if value is None else value for name, value in run.settings.items()}
            _, session, _ = hparams(settings, {})  # the first would fix the columns of the page HParams
            self._writer.file_writer.add_summary(session)

    def log(self, numbers: Mapping[str, float], axis: str | None, position: int) -> None:
        """Add scalars; final ones stand at 0. TensorBoard has whole positions only, and records have no others."""
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, position)
        self._writer.flush()

    def log_image(self, name: str, pixels: UInt8[ndarray, "h w"], step: int) -> None:
        """Add grey levels."""
        self._writer.add_image(name, pixels, step, dataformats="HW")
        self._writer.flush()

    def close(self, finished: bool) -> None:
        """Close the file."""
        self._writer.close()
