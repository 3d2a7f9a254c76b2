"""Progress of a palindrome study: a table of cells and lengths on standard error, filled in as runs finish."""

import sys
import time
from collections.abc import Iterable
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from palingen.recurrence.config import PalindromeConfig


def show_study_progress(runs: list[PalindromeConfig], results: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Collect all results, the shortest palindromes first; show a table in a terminal, and lines elsewhere."""
    console, start, done = Console(stderr=True), time.monotonic(), list[dict[str, Any]]()
    if console.is_terminal:
        with Live(console=console, refresh_per_second=4, get_renderable=lambda: _table(runs, done, start)):
            done.extend(results)
    else:
        for result in results:
            done.append(result)
            run = f"{result['cell']} T={result['length']} seed {result['seed']}"
            outcome = f"{100 * result['accuracy']:.2f} % in {result['seconds']:.0f} s"
            print(f"{len(done)}/{len(runs)} {run}: {outcome}", file=sys.stderr, flush=True)
    cells = list(dict.fromkeys(run.cell for run in runs))
    return sorted(done, key=lambda result: (result["length"], cells.index(result["cell"]), result["seed"]))


def _table(runs: list[PalindromeConfig], done: list[dict[str, Any]], start: float) -> Group:
    title = "Accuracy on unseen palindromes, %: lowest, median and highest seed so far"
    table = Table(title=title, title_justify="left")
    lengths = sorted({run.length for run in runs})
    table.add_column("cell")
    for length in lengths:
        table.add_column(f"T = {length}", justify="right")
    for cell in dict.fromkeys(run.cell for run in runs):
        table.add_row(cell, *(_cell_text(runs, done, cell, length) for length in lengths))
    minutes, seconds = divmod(int(time.monotonic() - start), 60)
    return Group(table, Text(f"{len(done)} of {len(runs)} runs, {minutes}:{seconds:02d}"))


def _cell_text(runs: list[PalindromeConfig], done: list[dict[str, Any]], cell: str, length: int) -> str:
    total = sum((run.cell, run.length) == (cell, length) for run in runs)
    accuracies = sorted(
        100 * result["accuracy"] for result in done if (result["cell"], result["length"]) == (cell, length)
    )
    if not accuracies:
        return f"[dim]0/{total}[/dim]"
    chosen = (accuracies[0], accuracies[len(accuracies) // 2], accuracies[-1])
    return f"{' '.join(f'{accuracy:.1f}' for accuracy in chosen)} [dim]{len(accuracies)}/{total}[/dim]"
