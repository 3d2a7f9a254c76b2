"""`palingen runs`, `show` and `diff`: the runs and studies at hand. Imports no torch."""

import sys
from collections.abc import Container, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.columns import Columns
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from palingen.cli.console import output_console, print_json
from palingen.cli.options import Json
from palingen.cli.run_text import (
    STYLES,
    age_text,
    problems_text,
    progress_text,
    result_text,
    setting_text,
    settings_text,
    size_text,
    value_text,
)
from palingen.runtime.number_text import number_text
from palingen.workflows.run_overview import Summary, compare, find_runs, read_summary, resolve_run

Run = Annotated[str, Parameter(help="Folder of a run or a study, or pretrained:NAME.")]


def runs(
    folder: Annotated[Path, Parameter(help="Folder to search, with all folders below it.")] = Path("runs"),
    /,
    *,
    json: Json = False,
) -> None:
    """List runs and studies: what differs from the recipe, progress, result, age and size.

    A study is one line; name its folder to list its runs. Unfinished, damaged and foreign folders are listed as such.
    """
    summaries = list(find_runs(folder))
    if json:
        print_json({"folder": folder, "runs": [_record(summary) for summary in summaries]})
    elif summaries:
        _print_list(summaries, folder)
    else:
        print(f"no runs in {folder}", file=sys.stderr)


def show(run: Run, /, *, json: Json = False) -> None:
    """Show one run or study: settings, code of its own, environment, latest numbers, and the paths of its pictures."""
    summary = read_summary(resolve_run(run))
    if json:
        details = {name: getattr(summary, name) for name in ("config", "code", "environment", "numbers", "pictures")}
        print_json(_record(summary) | details)
        return
    console = output_console()
    _print_overview(console, summary)
    config = {name: value for name, value in summary.config.items() if name != "kind"}
    _print_values(console, "Settings (bold: differs from the recipe)", config, summary.overrides)
    _print_code(console, summary)
    _print_values(console, "Environment", _known(summary.environment))
    _print_numbers(console, summary)
    _print_pictures(console, summary)


def diff(first: Run, second: Run, /, *, json: Json = False) -> None:
    """Show the settings, environment and results in which two runs or studies differ."""
    folders = resolve_run(first), resolve_run(second)
    summaries = read_summary(folders[0]), read_summary(folders[1])
    differences = compare(*summaries)
    if json:
        print_json({"runs": folders, **differences, "problems": [summary.problems for summary in summaries]})
        return
    console = output_console()
    for summary in summaries:
        _print_problems(console, summary)
    for title, rows in differences.items():
        if rows:
            _print_differences(console, title, rows, (first, second))
        else:
            console.print(Text(f"{title.capitalize()}: no difference", style="dim"))


def _record(summary: Summary) -> dict[str, Any]:
    """Line of the list, as JSON."""
    names = ("folder", "kind", "state", "recipe", "overrides", "done", "total", "result")
    record = {name: getattr(summary, name) for name in names}
    modified = datetime.fromtimestamp(summary.modified, UTC).isoformat(timespec="seconds")
    return {**record, "modified": modified, "bytes": summary.size, "problems": summary.problems}


def _print_list(summaries: list[Summary], folder: Path) -> None:
    """Print two lines a run: where it is and how it stands, then its settings, or what is wrong."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in ("run", "progress", "result", "age", "size"):
        table.add_column(
            name,
            justify="right" if name in ("age", "size") else "left",
            overflow="fold",
            ratio=1 if name == "run" else None,
        )
    for summary in summaries:
        path = summary.folder.relative_to(folder) if summary.folder != folder else folder
        style = STYLES[summary.state]
        details = Text(problems_text(summary) or settings_text(summary), style=style if summary.problems else "dim")
        table.add_row(
            Group(Text(value_text(str(path)), style="bold"), Padding(details, (0, 0, 0, 2))),
            Text(progress_text(summary), style=style),
            Text(result_text(summary)),
            Text(age_text(summary), style="dim"),
            Text(size_text(summary.size), style="dim"),
        )
    output_console().print(table)


def _print_overview(console: Console, summary: Summary) -> None:
    console.print(Text(value_text(str(summary.folder)), style="bold"))
    progress = Text(progress_text(summary), style=STYLES[summary.state])
    age = f"changed {age_text(summary)} ago, {size_text(summary.size)}"
    console.print(Text.assemble(f"{settings_text(summary)}\n", progress, ", ", result_text(summary) or "no result yet"))
    console.print(Text(age, style="dim"))
    _print_problems(console, summary)


def _print_problems(console: Console, summary: Summary) -> None:
    for problem in summary.problems:
        console.print(Text(f"{value_text(str(summary.folder))}: {value_text(problem)}", style=STYLES[summary.state]))


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values without those that were not recorded or do not apply; of a setting, None would be a choice."""
    return {name: value for name, value in values.items() if value is not None}


def _print_values(console: Console, title: str, values: Mapping[str, Any], bold: Container[str] = ()) -> None:
    """Print names and values in as many columns as fit."""
    if not values:
        return
    console.print(Text(f"\n{title}", style="cyan"))
    texts = [Text(setting_text(name, value), style="bold" if name in bold else "") for name, value in values.items()]
    short = [text for text in texts if len(text) <= console.width // 3]
    console.print(Columns(short, equal=True, padding=(0, 2)))
    for text in texts:
        if len(text) > console.width // 3:
            console.print(text)


def _print_code(console: Console, summary: Summary) -> None:
    if summary.code:
        console.print(Text("\nCode that the run keeps, executed with --trust-code only", style="cyan"))
    for path in summary.code:
        console.print(Text(value_text(str(path))), soft_wrap=True)


def _print_numbers(console: Console, summary: Summary) -> None:
    if not summary.numbers:
        return
    console.print(Text("\nResults of the runs" if summary.is_study else "\nLatest numbers", style="cyan"))
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    for name, values in summary.numbers.items():
        numbers = ", ".join(
            setting_text(key, value) for key, value in _known(values).items() if not isinstance(value, dict | list)
        )
        table.add_row(Text(value_text(name).replace("_", " ")), Text(numbers or "no score"))
    console.print(table)


def _print_pictures(console: Console, summary: Summary) -> None:
    """Print the paths of the run's own pictures; of its snapshots, only the last one."""
    own = [path for path in summary.pictures if path.parent == summary.folder]
    snapshots = [path for path in summary.pictures if path.parent != summary.folder]
    if own or snapshots:
        console.print(Text("\nPictures", style="cyan"))
    if snapshots:
        console.print(Text(f"{value_text(str(snapshots[-1]))} (the last of {len(snapshots)})"), soft_wrap=True)
    for path in own:
        console.print(Text(value_text(str(path))), soft_wrap=True)


def _print_differences(
    console: Console, title: str, rows: Mapping[str, tuple[Any, Any]], names: tuple[str, str]
) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column(Text(title, style="not dim cyan"), ratio=2)
    for name in names:
        table.add_column(Text(value_text(name)), overflow="fold", ratio=2)
    table.add_column("difference", justify="right")
    for name, (first, second) in rows.items():
        numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (first, second))
        change = _change_text(second - first) if numeric else ""
        table.add_row(
            Text(value_text(name).replace("_", " ")), *(Text(_side(side)) for side in (first, second)), change
        )
    console.print(table)
    console.print()


def _change_text(change: float) -> str:
    return f"{'+' if change >= 0 else ''}{number_text(change, digits=4)}"


def _side(value: Any) -> str:
    return "-" if value is None else value_text(value)
