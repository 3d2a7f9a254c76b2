"""Tracking of one run: every tracker gets the records and grids of images that its log lacks.

A resumed run makes the records after its checkpoint again, equal to those before, so a log that holds them already only
waits. A tracker that fails is given up with one line on standard error: it never ends a run.
"""

import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import numpy as np
from PIL import Image

from palingen.runtime.errors import PalingenError
from palingen.runtime.run_files import list_snapshots, read_records
from palingen.runtime.tracking.protocol import Tracker, open_tracker
from palingen.runtime.tracking.state import FILE_NAME, LogPosition, TrackingState, read_state, write_state
from palingen.runtime.tracking.trackers import AXES, IMAGES, TrackerName, Trackers

NOTED_RECORDS = 100
"""Records of a log that is brought up to date after which its position is noted: a kill repeats no more."""


class RunTracking:
    """Trackers of one run.

    Args:
        folder: run folder.
        config: its config.
        names: trackers.

    Raises:
        DataError: the state of earlier trackers is damaged.
    """

    def __init__(self, folder: Path, config: Any, names: Trackers) -> None:
        self.folder, self.config = folder, config
        self.state = read_state(folder) if names else TrackingState()
        self._records: list[Mapping[str, Any]] = []
        self._images: dict[int, Path] = {}
        self._active = list(dict.fromkeys(names))
        self._open: dict[TrackerName, Tracker] = {}
        for name in self._active:
            self.state.logs.setdefault(name, LogPosition())

    def start(self) -> None:
        """Send what the run folder holds and a log lacks.

        Raises:
            DataError: the records are damaged.
        """
        if self._active:
            self._records = [*read_records(self.folder), *self.state.scores]
            self._images = list_snapshots(self.folder)
            self._update()

    def log(self, record: Mapping[str, Any], *, is_score: bool = False) -> None:
        """Send a new record. Scores, which are none of the run's own, are noted for logs that begin anew."""
        if is_score:
            self.state.scores.append(record)
        self._records.append(record)
        self._update()

    def log_image(self, step: int, path: Path) -> None:
        """Send a new grid of images."""
        self._images[step] = path
        self._update()

    def close(self, finished: bool) -> None:
        """Close all logs."""
        for name, tracker in [*self._open.items()]:
            try:
                tracker.close(finished)
            except Exception as error:
                self._give_up(name, error)
        self._open.clear()

    def _update(self) -> None:
        for name in [*self._active]:
            try:
                self._send(name)
            except Exception as error:  # a tracker never ends a run, whatever its library raises
                self._give_up(name, error)

    def _send(self, name: TrackerName) -> None:
        """Send to a tracker what its log lacks, and note that it has it."""
        log = self.state.logs[name]
        if log.records >= len(self._records) and log.image_step >= max(self._images, default=-1):
            return
        tracker = self._open.get(name) or self._open_log(name)
        try:
            for record in self._records[log.records :]:
                _log_record(tracker, record)
                log.records += 1
                if log.records % NOTED_RECORDS == 0:
                    write_state(self.folder, self.state)
            for step in sorted(step for step in self._images if step > log.image_step):
                tracker.log_image(IMAGES, np.asarray(Image.open(self._images[step])), step)
                log.image_step = step
            log.problem = None
        finally:  # also after Ctrl-C
            write_state(self.folder, self.state)

    def _open_log(self, name: TrackerName) -> Tracker:
        log = self.state.logs[name]
        tracker = self._open[name] = open_tracker(name, self.folder, self.config, log.run_id)
        log.run_id = tracker.run_id
        if tracker.is_new:
            log.records, log.image_step = 0, -1
        write_state(self.folder, self.state)
        return tracker

    def _give_up(self, name: TrackerName, error: Exception) -> None:
        reason = next(iter(str(error).strip().splitlines()), "")
        problem = f"{type(error).__name__}: {reason}"[:200]
        print(f"tracking: {name} failed ({problem}); the run goes on without it", file=sys.stderr)
        self._active = [active for active in self._active if active != name]
        self.state.logs[name].problem = problem
        with suppress(OSError):
            write_state(self.folder, self.state)
        if tracker := self._open.pop(name, None):
            with suppress(Exception):
                tracker.close(finished=False)


def log_scores(folder: Path, config: Any, kind: str, scores: Mapping[str, Any]) -> None:
    """Send the scores of a finished run to the trackers of its training, if there are any.

    Args:
        folder: run folder.
        config: its config.
        kind: kind of the scores, which stands before their names.
        scores: their values by name; those that are no numbers are left out.
    """
    if not (folder / FILE_NAME).exists():
        return
    try:
        logs = read_state(folder).logs
        tracking = RunTracking(folder, config, [name for name in get_args(TrackerName) if name in logs])
        tracking.start()
    except PalingenError as error:
        print(f"tracking: {error}", file=sys.stderr)
        return
    record = {"kind": kind, **scores}
    if record not in tracking.state.scores:
        tracking.log(record, is_score=True)
    tracking.close(finished=True)


def _log_record(tracker: Tracker, record: Mapping[str, Any]) -> None:
    kind = record["kind"]
    axis = AXES.get(kind)
    numbers = {
        f"{kind}/{name}": float(value)
        for name, value in record.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and name != axis
    }
    tracker.log(numbers, axis, record[axis] if axis else 0)
