"""Progress of long work: a bar in a terminal, one updated line in a notebook, plain lines elsewhere.

All show how much is done, the rate, the time left and the latest numbers, for trainings and studies alike. Written to
standard error; in a notebook, to the output of the cell.
"""

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, runtime_checkable

from palingen.runtime.durations import duration_text, rate_text
from palingen.runtime.number_text import number_text

LINE_INTERVAL_S = 10.0
"""Seconds between two plain lines."""

NOTEBOOK_INTERVAL_S = 0.5
"""Seconds between two updates of the line in a notebook."""

PACE_REPORTS = 50
"""Reports over which the rate is averaged: a curriculum's steps become slower, so older ones say little."""


@runtime_checkable
class Progress(Protocol):
    """Receiver of progress: a bar, a line, or nothing."""

    def advance(self, done: int, latest: str = "", /, **numbers: float) -> None:
        """Show that `done` units are finished, with metrics; `latest` names the unit that they belong to."""


class Pace:
    """Rate of the work and time left, from the latest reports.

    Args:
        total: units of work.
        done: units finished earlier. Reports of fewer, as a study reads its finished runs again, do not count as work.
    """

    def __init__(self, total: int, done: int = 0) -> None:
        self.total, self.done, self.start, self.ended = total, done, time.monotonic(), False
        self._reports = deque([(self.start, done)], maxlen=PACE_REPORTS)

    def report(self, done: int) -> None:
        """Note that `done` units are finished."""
        if done >= self.done:
            self.done = done
            self._reports.append((time.monotonic(), done))

    def end(self) -> None:
        """Note that no more work follows, even if less than all is done: stopped early, or interrupted."""
        self.ended = True

    def text(self) -> str:
        """Rate and time left, counted down since the last report; at the end, the time taken."""
        (first_time, first_done), (last_time, last_done) = self._reports[0], self._reports[-1]
        if self.ended or last_done >= self.total:
            return f"took {duration_text(last_time - self.start)}"
        rate = (last_done - first_done) / max(last_time - first_time, 1e-9)
        if rate <= 0:
            return f"{duration_text(time.monotonic() - self.start)} so far"
        left = (self.total - last_done) / rate - (time.monotonic() - last_time)
        return f"{rate_text(rate)}, {duration_text(max(left, 0))} left"


def progress(
    label: str, total: int, unit: str, done: int = 0, above: Callable[[], Any] | None = None
) -> AbstractContextManager[Progress]:
    """Show the progress of long work.

    Args:
        label: name of the work.
        total: units of work.
        unit: name of a unit, in the plural.
        done: units finished earlier, of a resumed run or study.
        above: function that makes what a terminal shows above the bar until the end, such as a table of results.
    """
    if sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown"):  # such a terminal shows no bar
        from palingen.runtime.progress_bar import show_bar  # imports rich

        return show_bar(label, Pace(total, done), unit, done, above)
    return _lines(label, total, unit, done)


@contextmanager
def no_progress() -> Iterator[Progress]:
    """Show nothing, since another process does."""
    yield _Silence()


def numbers_text(latest: str, numbers: dict[str, float]) -> str:
    """Latest numbers, as in `lstm T=20 seed 0: loss 0.12, test accuracy 0.98, length 10,000`."""
    values = ", ".join(f"{name.replace('_', ' ')} {number_text(value)}" for name, value in numbers.items())
    return ": ".join(filter(None, (latest, values)))


class _Silence:
    def advance(self, done: int, latest: str = "", /, **numbers: float) -> None: ...


@contextmanager
def _lines(label: str, total: int, unit: str, done: int) -> Iterator[Progress]:
    if in_notebook():
        yield _Lines(label, unit, Pace(total, done), _notebook_line(), NOTEBOOK_INTERVAL_S)
    else:
        yield _Lines(label, unit, Pace(total, done), _error_line, LINE_INTERVAL_S)


class _Lines:
    def __init__(self, label: str, unit: str, pace: Pace, write: Callable[[str], None], every: float) -> None:
        self.label, self.unit, self.pace, self.write, self.every = label, unit, pace, write, every
        self.last = time.monotonic()

    def advance(self, done: int, latest: str = "", /, **numbers: float) -> None:
        self.pace.report(done)
        now = time.monotonic()
        if now - self.last < self.every and done < self.pace.total and not latest:  # a finished run is never left out
            return
        self.last = now
        counts = f"{self.label}: {self.pace.done}/{self.pace.total} {self.unit}, {self.pace.text()}"
        self.write("  ".join(filter(None, (counts, numbers_text(latest, numbers)))))


def _error_line(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code; only then is IPython loaded."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return hasattr(shell, "kernel")


def _notebook_line() -> Callable[[str], None]:
    """Function that writes a line below the cell, each line over the one before."""
    display: Any = sys.modules["IPython.display"].display
    handles: list[Any] = []

    def write(line: str) -> None:
        if handles:
            handles[0].update({"text/plain": line}, raw=True)
        else:
            handles.append(display({"text/plain": line}, raw=True, display_id=True))

    return write
