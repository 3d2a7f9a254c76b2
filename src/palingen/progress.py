"""Progress: a bar in a terminal, one line that is written over in a notebook, plain lines anywhere else.

All of it on standard error, but for the notebook's line, which is an output of its cell.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

LINE_EVERY = 10.0
"""Seconds between two plain lines when standard error is no terminal."""

NOTEBOOK_EVERY = 0.5
"""Seconds until a notebook's line is written over."""


@runtime_checkable
class Progress(Protocol):
    """What a loop tells its watcher."""

    def advance(self, done: int, **numbers: float) -> None:
        """Say that `done` units are finished, with the numbers worth watching."""


@contextmanager
def progress(label: str, total: int, unit: str, done: int = 0) -> Iterator[Progress]:
    """Watch `total` units of work go by, `done` of them finished before (a resumed run)."""
    if sys.stderr.isatty():
        with _bar(label, total, done) as bar:
            yield bar
    elif _in_notebook():
        yield _Lines(label, total, unit, done, _notebook_line(), NOTEBOOK_EVERY)
    else:
        yield _Lines(label, total, unit, done, _error_line, LINE_EVERY)


@contextmanager
def unwatched() -> Iterator[Progress]:
    """Nobody watches: another process shows how far all are."""
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
    """Whether a Jupyter kernel runs this; it has loaded IPython, and nothing else need."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return hasattr(shell, "kernel")


def _notebook_line() -> Callable[[str], None]:
    """Write a line below the cell, and every further one over it."""
    show: Any = sys.modules["IPython.display"].display
    shown: list[Any] = []

    def write(line: str) -> None:
        if shown:
            shown[0].update({"text/plain": line}, raw=True)
        else:
            shown.append(show({"text/plain": line}, raw=True, display_id=True))

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
