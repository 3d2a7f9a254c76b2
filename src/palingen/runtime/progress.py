"""Progress of long work: a bar in a terminal, one updated line in a notebook, plain lines elsewhere.

Written to standard error; in a notebook, to the output of the cell.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

LINE_INTERVAL_S = 10.0
"""Seconds between two plain lines."""

NOTEBOOK_INTERVAL_S = 0.5
"""Seconds between two updates of the line in a notebook."""


@runtime_checkable
class Progress(Protocol):
    """Receiver of progress: a bar, a line, or nothing."""

    def advance(self, done: int, **numbers: float) -> None:
        """Show that `done` units are finished, with metrics."""


@contextmanager
def progress(label: str, total: int, unit: str, done: int = 0) -> Iterator[Progress]:
    """Show the progress of `total` units of work, `done` of them finished earlier (a resumed run)."""
    if sys.stderr.isatty():
        with _bar(label, total, done) as bar:
            yield bar
    elif _in_notebook():
        yield _Lines(label, total, unit, done, _notebook_line(), NOTEBOOK_INTERVAL_S)
    else:
        yield _Lines(label, total, unit, done, _error_line, LINE_INTERVAL_S)


@contextmanager
def no_progress() -> Iterator[Progress]:
    """Show nothing, since another process does."""
    yield _Silence()


class _Silence:
    def advance(self, done: int, **numbers: float) -> None: ...


def _numbers(numbers: dict[str, float]) -> str:
    return " ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in numbers.items())


class _Lines:
    def __init__(
        self, label: str, total: int, unit: str, done: int, write: Callable[[str], None], every: float
    ) -> None:
        self.label, self.total, self.unit, self.first = label, total, unit, done
        self.write, self.every = write, every
        self.start = self.last = time.monotonic()

    def advance(self, done: int, **numbers: float) -> None:
        now = time.monotonic()
        if now - self.last < self.every and done < self.total:
            return
        self.last = now
        rate = (done - self.first) / max(now - self.start, 1e-9)
        left = f"{(self.total - done) / rate:.0f} s left" if done < self.total else f"{now - self.start:.0f} s"
        self.write(f"{self.label}: {done}/{self.total} {self.unit}, {rate:.3g}/s, {left}  {_numbers(numbers)}")


def _error_line(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _in_notebook() -> bool:
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


@contextmanager
def _bar(label: str, total: int, done: int) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Rich
    from rich.table import Column

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None, table_column=Column(ratio=1)),  # it alone gives way in a narrow terminal
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.0f}/s"),
        TimeRemainingColumn(compact=True),
        TextColumn("left {task.fields[numbers]}"),
    )
    with Rich(*columns, console=Console(stderr=True), expand=True) as rich:
        task = rich.add_task(label, total=total, completed=done, numbers="", rate=0)

        class Bar:
            def advance(self, done: int, **numbers: float) -> None:
                rate = rich.tasks[task].speed or 0
                rich.update(task, completed=done, numbers=_numbers(numbers), rate=rate)

        yield Bar()
