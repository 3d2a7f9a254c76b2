"""`palingen reproduce`: the report from nothing."""

import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from palingen.bundle import PROJECT
from palingen.cli.terminal import Where, WhereFlags, say
from palingen.reproduce import Part, Reproduction, closeness, finish
from palingen.runs import choose_device
from palingen.workers import Workers


def reproduce(
    *,
    quick: Annotated[bool, Parameter(negative="")] = False,
    device: str = "auto",
    workers: Annotated[Workers, Parameter(name="*")] = Workers(),
    where: WhereFlags = Where(),
) -> None:
    """Make every run, number and picture of the report again, and compare: hours, said first; it resumes.

    What to run is read from the kept records under report/runs. Nothing there is touched.

    Parameters
    ----------
    quick:
        Make a little of everything in minutes, to see that all of it can be made; its numbers mean nothing.
    device:
        `cpu`, `cuda`, `mps`, or `auto` for the best there is.
    workers:
        Where the runs are computed.
    where:
        Where to write; by default runs/reproduce.
    """
    kept = PROJECT / "report" / "runs"
    folder = where.out or Path("runs") / ("reproduce-quick" if quick else "reproduce")
    again = Reproduction(kept, folder / "runs", choose_device(device), workers, quick)
    parts = again.parts()
    _announce(parts, workers, quick)
    for place, part in enumerate(parts, 1):
        print(f"{place}/{len(parts)} {part.name}", file=sys.stderr, flush=True)
        part.make()
    files = finish(folder, quick)
    rows = closeness(kept, again.out)
    if where.json:
        say({"parts": rows, "folder": folder, "files": files}, where, title="")
        return
    table = Table("", "runs", "kept", "largest difference", title="Against the kept records", title_justify="left")
    for row in rows:
        table.add_row(row["part"], str(row["runs"]), str(row["of"]), f"{row['largest_difference']:.4g}")
    Console().print(table)
    say({"folder": folder, "files": files}, where, title="Reproduction")


def _announce(parts: list[Part], workers: Workers, quick: bool) -> None:
    """Say how long it took when it was kept, what runs side by side counted so."""
    if quick:
        print(f"A little of everything, {len(parts)} parts; a few minutes.", file=sys.stderr)
        return
    jobs = workers.jobs or os.cpu_count() or 1
    minutes = {part.name: part.seconds / 60 / (jobs if part.parallel else 1) for part in parts}
    longest = ", ".join(f"{name} {minutes[name]:.0f}" for name in sorted(minutes, key=lambda name: -minutes[name])[:4])
    hours, rest = divmod(round(sum(minutes.values())), 60)
    print(
        f"{len(parts)} parts, about {hours} h {rest} min by the times of the kept records, {jobs} runs at a time "
        f"(minutes: {longest}, ...). Ctrl-C stops it; the same command goes on.",
        file=sys.stderr,
    )
