"""A study as it goes on: a table of cells and lengths on standard error, filled in as runs end."""

import sys
import time
from collections.abc import Iterable
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from palingen.recurrence.experiment import PalindromeRun


def watch_study(runs: list[PalindromeRun], results: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Gather all results, shortest palindromes first; show each as it comes: a table in a terminal, lines elsewhere."""
    console, start, done = Console(stderr=True), time.monotonic(), list[dict[str, Any]]()
    if console.is_terminal:
        with Live(console=console, refresh_per_second=4, get_renderable=lambda: _table(runs, done, start)):
            done.extend(results)
    else:
        for result in results:
            done.append(result)
            said = f"{result['cell']} T={result['length']} seed {result['seed']}: {100 * result['accuracy']:.2f} %"
            print(f"{len(done)}/{len(runs)} {said} in {result['seconds']:.0f} s", file=sys.stderr, flush=True)
    order = {cell: place for place, cell in enumerate(dict.fromkeys(run.cell for run in runs))}
    return sorted(done, key=lambda result: (result["length"], order[result["cell"]], result["seed"]))


def _table(runs: list[PalindromeRun], done: list[dict[str, Any]], start: float) -> Group:
    table = Table(
        title="Right on unseen palindromes, %: lowest, median, highest of the seeds so far", title_justify="left"
    )
    lengths = sorted({run.length for run in runs})
    table.add_column("cell")
    for length in lengths:
        table.add_column(f"T = {length}", justify="right")
    for cell in dict.fromkeys(run.cell for run in runs):
        table.add_row(cell, *(_entry(runs, done, cell, length) for length in lengths))
    minutes, seconds = divmod(int(time.monotonic() - start), 60)
    return Group(table, Text(f"{len(done)} of {len(runs)} runs, {minutes}:{seconds:02d}"))


def _entry(runs: list[PalindromeRun], done: list[dict[str, Any]], cell: str, length: int) -> str:
    wanted = sum((run.cell, run.length) == (cell, length) for run in runs)
    shares = sorted(100 * one["accuracy"] for one in done if (one["cell"], one["length"]) == (cell, length))
    if not shares:
        return f"[dim]0/{wanted}[/dim]"
    numbers = " ".join(f"{share:.1f}" for share in (shares[0], shares[len(shares) // 2], shares[-1]))
    return f"{numbers} [dim]{len(shares)}/{wanted}[/dim]"
