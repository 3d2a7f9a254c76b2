"""`palingen reproduce`: every run of the report again, compared with its records."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from palingen.cli.console import output_console
from palingen.cli.options import FLATTENED, SEVERAL, Device, OutputFlags, OutputOptions, print_result
from palingen.runtime.durations import duration_text
from palingen.runtime.errors import DataError, Interrupted, PalingenError
from palingen.runtime.numerics import select_device
from palingen.runtime.parallel import ParallelConfig
from palingen.runtime.project import report_folder
from palingen.runtime.validation import require
from palingen.workflows.reproduce import (
    CORES,
    VERDICTS,
    Comparison,
    Reproduction,
    Step,
    build_report,
    estimate_seconds,
    format_number,
    read_comparison,
    read_log,
    select_steps,
    verdict_cells,
)

EARLIER_HELP = (
    "differences.json of another folder, from a sitting before or another machine; its numbers stand in the table "
    "where this folder has none."
)

MAX_SHOWN = 12
"""Numbers that disagree on the terminal; the table in the folder holds all."""


def _only_help() -> str:
    """Names of the parts with their durations, which are those of the records at hand."""
    try:
        steps = Reproduction(report_folder() / "runs", Path(), select_device("cpu"), ParallelConfig()).steps()
    except PalingenError:  # the command says so
        return "Parts of the report to repeat."
    seconds = estimate_seconds(steps, CORES)
    parts = ", ".join(f"{part} ({duration_text(seconds[part])})" for part in seconds)
    return f"Parts to repeat, with their time on {CORES} cores: {parts}; or a step of one, as in memory/T10."


def reproduce(
    *,
    only: Annotated[tuple[str, ...], SEVERAL, Parameter(help=_only_help())] = (),
    compare: Annotated[bool, Parameter(help="Compute nothing; compare what has been computed.", negative="")] = False,
    earlier: Annotated[Path | None, Parameter(help=EARLIER_HELP)] = None,
    quick: Annotated[
        bool, Parameter(help="Shorten every run to seconds, as a check that all work.", negative="")
    ] = False,
    device: Device = "auto",
    parallel: Annotated[ParallelConfig, FLATTENED] = ParallelConfig(),
    output: OutputFlags = OutputOptions(),
) -> None:
    """Repeat every run of the report, or parts of it, and compare the new records with the old ones."""
    require("compare", compare, not (compare and only), "computes nothing, so it takes no parts (--only)")
    before = None if earlier is None else read_comparison(earlier)
    folder = output.out or Path("runs") / ("reproduce-quick" if quick else "reproduce")
    reproduction = Reproduction(report_folder() / "runs", folder / "runs", select_device(device), parallel, quick)
    all_steps = reproduction.steps()
    steps = [] if compare else select_steps(all_steps, only)
    if steps:
        _print_estimate(steps, folder, parallel, quick)
    try:
        for number, step in enumerate(steps, 1):
            print(f"{number}/{len(steps)} {step.name}", file=sys.stderr, flush=True)
            reproduction.run(step)
    except (PalingenError, Interrupted):
        with suppress(DataError):  # nothing has been computed
            reproduction.compare(all_steps, before)
        raise
    comparison, files = reproduction.compare(all_steps, before)
    if quick:
        print("These runs were shortened: the verdicts say nothing about the report.", file=sys.stderr)
    if not output.json:
        _print_comparison(comparison)
    if not compare and not only:
        files += build_report(folder, quick)
    logged = [{"step": step, **entry} for step, entry in read_log(folder).items()]
    result = {"steps": logged, **comparison.as_record(), "folder": folder, "files": files}
    print_result(result, output.json, title="Reproduction", rows={"folder": folder, "files": files})


def _print_estimate(steps: Sequence[Step], folder: Path, parallel: ParallelConfig, quick: bool) -> None:
    """Print how long the selected steps took when they were recorded, without those that are finished."""
    if quick:
        print(f"{len(steps)} shortened steps; a few minutes.", file=sys.stderr)
        return
    finished = read_log(folder)
    jobs = parallel.jobs or os.cpu_count() or 1
    seconds = estimate_seconds([step for step in steps if step.name not in finished], jobs)
    longest = sorted(seconds, key=lambda part: -seconds[part])[:4]
    parts = ", ".join(f"{part} {duration_text(seconds[part])}" for part in longest)
    print(
        f"{sum(step.name in finished for step in steps)} of {len(steps)} steps finished; the rest takes about "
        f"{duration_text(sum(seconds.values()))} by the recorded times, with --jobs {jobs}"
        f"{f' ({parts})' if len(seconds) > 1 else ''}. Ctrl-C stops; the same command resumes.",
        file=sys.stderr,
    )


def _print_comparison(comparison: Comparison) -> None:
    table = Table("part", *VERDICTS, title="Numbers of the report, compared with the records", title_justify="left")
    for part in comparison.parts:
        table.add_row(part.part, *verdict_cells(part.verdicts))
    table.add_section()
    table.add_row("all", *verdict_cells(comparison.count_verdicts()))
    console = output_console()
    console.print(table)
    outside = comparison.outside()
    environments = {part.part: part.environment or "not recorded" for part in comparison.parts}
    for number in outside[:MAX_SHOWN]:
        console.print(
            f"outside: {number.part}, {number.group}, {number.metric}: recorded {format_number(number.recorded)}, "
            f"reproduced {format_number(number.reproduced)}; environment: {environments[number.part]}",
            soft_wrap=True,
        )
    if len(outside) > MAX_SHOWN:
        console.print(f"... and {len(outside) - MAX_SHOWN} more outside")
