"""Progress bar of a terminal, with the rate, the time left and the latest numbers."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
from rich.progress import Progress as RichProgress
from rich.table import Column
from rich.text import Text

from palingen.runtime.progress import Pace, Progress, numbers_text

REFRESH_PER_SECOND = 4


class _PaceColumn(ProgressColumn):
    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        super().__init__(Column(no_wrap=True))

    def render(self, task: Task) -> Text:
        return Text(self.pace.text())


class _Display(RichProgress):
    """Bar with a line of numbers below it and, until the end, something above it."""

    above: Callable[[], Any] | None = None
    numbers: str = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        if self.above:
            yield self.above()
        yield self.make_tasks_table(self.tasks)
        if self.numbers:
            yield Text(self.numbers, style="dim")


@contextmanager
def show_bar(
    label: str, pace: Pace, unit: str, done: int, above: Callable[[], Any] | None = None
) -> Iterator[Progress]:
    """Show a bar on standard error; arguments like `progress`."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None, table_column=Column(ratio=1)),  # it alone gives way in a narrow terminal
        TextColumn(f"{{task.completed}}/{{task.total}} {unit},", markup=False, table_column=Column(no_wrap=True)),
        _PaceColumn(pace),
    )
    # The file by itself: the run of a study with one job redirects sys.stderr while it trains in this process.
    console = Console(file=sys.stderr, highlight=False)
    with _Display(*columns, console=console, expand=True, refresh_per_second=REFRESH_PER_SECOND) as display:
        task = display.add_task(label, total=pace.total, completed=done)
        display.above = above

        class Bar:
            def advance(self, done: int, latest: str = "", /, **numbers: float) -> None:
                pace.report(done)
                display.numbers = numbers_text(latest, numbers)
                display.update(task, completed=pace.done)

        try:
            yield Bar()
        finally:
            display.above = None
            pace.end()
