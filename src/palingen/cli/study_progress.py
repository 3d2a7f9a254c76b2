"""Progress of a study: in a terminal, a table of the results so far above the same bar that a training shows."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from palingen.runtime.progress import progress
from palingen.runtime.tracking.state import FILE_NAME, read_state

Result = dict[str, Any]

Latest = Callable[[Mapping[str, Any]], tuple[str, dict[str, float]]]
"""Name and most important numbers of a result."""


def show_study_progress(
    total: int,
    results: Iterable[Result],
    table: Callable[[Sequence[Result]], RenderableType],
    latest: Latest,
    write: Callable[[], object],
    finished: int = 0,
) -> list[Result]:
    """Collect all results, in the order in which they come.

    Args:
        total: number of runs.
        results: results as runs finish; that of a run that diverged says why in `stopped`.
        table: table of the results so far.
        latest: what to show of a result.
        write: writes the study's record, after every run: a study of days can be read before it is finished.
        finished: number of runs finished earlier, which say nothing about the time left.
    """
    done: list[Result] = []
    with progress("study", total, "runs", finished, above=lambda: table(done)) as bar:
        for result in results:
            done.append(result)
            write()
            name, numbers = latest(result)
            if "stopped" in result:
                print(f"{name}: {result['stopped']}", file=sys.stderr)
            bar.advance(len(done), name, **numbers)
    return done


def warn_of_trackers(folder: Path) -> None:
    """Say on standard error which trackers failed in runs of a study, whose workers write nothing there."""
    logs = [item for path in sorted(folder.glob(f"*/{FILE_NAME}")) for item in read_state(path.parent).logs.items()]
    problems = Counter((name, log.problem) for name, log in logs if log.problem)
    for (name, problem), count in problems.items():
        print(f"tracking: {name} failed in {count} of the runs ({problem}), which went on without it", file=sys.stderr)


def accuracy_table(results: Sequence[Mapping[str, Any]], runs: Sequence[tuple[str, int]] | None = None) -> Group:
    """Table of a palindrome study, with cells in rows and lengths in columns.

    Args:
        results: results so far; of runs that diverged, their number.
        runs: cell and length of every run of the study; by default, those of the results.
    """
    present = [(result["cell"], result["length"]) for result in results]
    totals = Counter(present if runs is None else runs)
    title = Text("Accuracy on unseen palindromes, %: lowest, median and highest seed", style="bold")
    table = Table()
    table.add_column("cell")
    for length in sorted({length for _, length in totals}):
        table.add_column(f"T = {length:,}", justify="right")
    for cell in dict.fromkeys(cell for cell, _ in totals):
        table.add_row(cell, *(_seeds_text(results, totals, cell, length) for length in sorted({n for _, n in totals})))
    return Group(title, table)  # a table's own title is wrapped to the table's width


def _seeds_text(
    results: Sequence[Mapping[str, Any]], totals: Mapping[tuple[str, int], int], cell: str, length: int
) -> Text:
    total = totals.get((cell, length), 0)
    runs = [result for result in results if (result["cell"], result["length"]) == (cell, length)]
    accuracies = sorted(100 * run["accuracy"] for run in runs if "stopped" not in run)
    stopped = f", {len(runs) - len(accuracies)} stopped" if len(accuracies) < len(runs) else ""
    if not accuracies:
        return Text(f"0/{total}{stopped}" if total else "", style="dim")
    chosen = (accuracies[0], median(accuracies), accuracies[-1])
    numbers = " ".join(f"{accuracy:.1f}" for accuracy in chosen)
    return Text.assemble(numbers, " ", (f"{len(accuracies)}/{total}{stopped}", "dim"))
