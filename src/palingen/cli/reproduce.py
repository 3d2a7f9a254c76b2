"""`palingen reproduce`: every run of the report again, compared with its records."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table

from palingen.cli.console import output_console
from palingen.cli.options import FLATTENED, Device, OutputFlags, OutputOptions, print_result
from palingen.runtime.numerics import select_device
from palingen.runtime.parallel import ParallelConfig
from palingen.runtime.project import report_folder
from palingen.workflows.reproduce import Reproduction, Step, build_report, compare_records


def reproduce(
    *,
    quick: Annotated[
        bool, Parameter(help="Shorten every run to seconds, as a check that all work.", negative="")
    ] = False,
    device: Device = "auto",
    parallel: Annotated[ParallelConfig, FLATTENED] = ParallelConfig(),
    output: OutputFlags = OutputOptions(),
) -> None:
    """Repeat every run of the report, build the report from the new records, and compare both."""
    reference = report_folder() / "runs"
    folder = output.out or Path("runs") / ("reproduce-quick" if quick else "reproduce")
    reproduction = Reproduction(reference, folder / "runs", select_device(device), parallel, quick)
    steps = reproduction.steps()
    _print_estimate(steps, parallel, quick)
    for number, step in enumerate(steps, 1):
        print(f"{number}/{len(steps)} {step.name}", file=sys.stderr, flush=True)
        step.run()
    paths = {"folder": folder, "files": build_report(folder, quick)}
    rows = compare_records(reference, reproduction.out)
    if not output.json:
        _print_comparison(rows)
    print_result({"steps": rows, **paths}, output.json, title="Reproduction", rows=paths)


def _print_estimate(steps: Sequence[Step], parallel: ParallelConfig, quick: bool) -> None:
    """Print how long the steps took when they were recorded, divided by the runs at a time."""
    if quick:
        print(f"{len(steps)} shortened steps; a few minutes.", file=sys.stderr)
        return
    jobs = parallel.jobs or os.cpu_count() or 1
    minutes = {step.name: step.seconds / 60 / (jobs if step.parallel else 1) for step in steps}
    longest = sorted(minutes, key=lambda name: -minutes[name])[:4]
    hours, rest = divmod(round(sum(minutes.values())), 60)
    print(
        f"{len(steps)} steps, about {hours} h {rest} min by the recorded times, {jobs} runs at a time "
        f"(minutes: {', '.join(f'{name} {minutes[name]:.0f}' for name in longest)}, ...). Ctrl-C stops; "
        "the same command resumes.",
        file=sys.stderr,
    )


def _print_comparison(rows: Sequence[Mapping[str, Any]]) -> None:
    title = "Difference from the records"
    table = Table("step", "runs", "recorded", "largest difference", title=title, title_justify="left")
    for row in rows:
        table.add_row(row["step"], str(row["runs"]), str(row["of"]), f"{row['largest_difference']:.4g}")
    output_console().print(table)
