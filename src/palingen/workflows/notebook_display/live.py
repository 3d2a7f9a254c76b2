"""Live figures: curves and images of a training, drawn again from its run folder while it grows."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path
from typing import Any

from palingen.report import figures
from palingen.runtime.errors import PalingenError
from palingen.runtime.json_io import read_json
from palingen.runtime.progress import in_notebook
from palingen.runtime.run_files import read_records

INTERVAL_S = 2.0
"""Least time between two drawings, in seconds."""

MAX_FRACTION = 0.1
"""Largest fraction of the time that is spent on drawing."""

THREAD_NAME = "palingen live figures"

GRID_WIDTH = 330
"""Width of the images of a GAN below the cell, in pixels."""


@contextmanager
def live(folder: Path | str) -> Iterator[None]:
    """Show the training in a run folder, or all trainings of a study, below the cell while the block runs.

    Recurrent networks: accuracy and loss over the epochs. GANs: losses and accuracies, and the latest 25 images. The
    figures are made from the records that the training writes, in a thread of its own; the last ones stay. Outside a
    notebook, nothing is shown.

    Args:
        folder: run folder, or a folder of run folders; may be missing at first, or hold earlier runs.
    """
    if not in_notebook():
        yield
        return
    view, ended = LiveView(Path(folder)), threading.Event()
    # The context tells the kernel which cell an output belongs to.
    update = copy_context().run
    thread = threading.Thread(target=update, args=(view.update_until, ended), name=THREAD_NAME, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    view.update()


class LiveView:
    """Outputs below a cell, one for each picture, which are replaced when the records have changed.

    Args:
        folder: run folder, or a folder of run folders.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._handles = folder, dict[str, Any]()
        self._drawn = self._state()  # earlier runs are not shown

    def update_until(self, ended: threading.Event) -> None:
        """Update now and then until the event is set."""
        pause = INTERVAL_S
        while not ended.wait(pause):
            start = time.monotonic()
            self.update()
            pause = max(INTERVAL_S, (time.monotonic() - start) / MAX_FRACTION)

    def update(self) -> None:
        """Draw again if the records have changed."""
        state = self._state()
        if not state or state == self._drawn:
            return
        try:
            curves, images = draw(self.folder)
        except PalingenError:  # a line is half written, or a folder is being emptied; the next time it will be complete
            return
        self._drawn = state
        self._show("curves", curves, {})
        if images:
            self._show("images", images, {"width": GRID_WIDTH})

    def _state(self) -> list[tuple[Path, int, int]]:
        """Every file with records, with its time and size."""
        statistics = [(path, path.stat()) for path in _record_files(self.folder)]
        return [(path, status.st_mtime_ns, status.st_size) for path, status in statistics if status.st_size]

    def _show(self, name: str, picture: bytes, size: dict[str, int]) -> None:
        options = {"raw": True, "metadata": {"image/png": size}}
        content = {"image/png": picture, "text/plain": f"{name} of {self.folder.name}"}
        if name in self._handles:
            self._handles[name].update(content, **options)
        else:
            display: Any = sys.modules["IPython.display"].display
            self._handles[name] = display(content, display_id=True, **options)


def draw(folder: Path) -> tuple[bytes, bytes | None]:
    """Pictures, as PNG, of the trainings in a folder so far: the curves, and of a GAN the latest images.

    Raises:
        PalingenError: a record is missing or damaged.
    """
    runs = [path.parent for path in _record_files(folder) if path.stat().st_size]
    configs = {run: read_json(run / "config.json", {"kind": str}) for run in runs}
    if all(config["kind"] == "PalindromeConfig" for config in configs.values()):
        runs.sort(key=lambda run: (configs[run]["cell"], configs[run]["length"]))
        records = {f"{configs[run]['cell']} T = {configs[run]['length']}": read_records(run) for run in runs}
        return figures.png(figures.palindrome_curves(records)), None
    snapshots = sorted((runs[-1] / "snapshots").glob("step-*.png"))
    images = snapshots[-1].read_bytes() if snapshots else None
    config = configs[runs[-1]]
    levels = {"loss": config.get("loss"), "loss_weight": config.get("discriminator_loss_weight", 1.0)}
    return figures.png(figures.gan_curves(read_records(runs[-1]), **levels)), images


def _record_files(folder: Path) -> list[Path]:
    own = folder / "records.jsonl"
    return [own] if own.exists() else sorted(folder.glob("*/records.jsonl"))
