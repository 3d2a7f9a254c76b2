"""`palingen doctor`: what of the installation works, what is absent, and what to do about it."""

from collections import Counter
from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from palingen.cli.console import output_console, print_json
from palingen.cli.options import Json
from palingen.workflows.doctor import Check, examine

STYLES = {"ok": "green", "absent": "yellow", "broken": "bold red"}

NAME_WIDTH = 26


def doctor(*, json: Json = False) -> None:
    """Check Python, torch, compiler, processor, devices, engines and extras, and say what to do about what is absent.

    The engines for palindromes are tried, not only looked up: the first time takes some seconds longer, since they are
    compiled.
    """
    if json:
        print_json({"checks": [asdict(check) for check in examine()]})
        return
    console = output_console()
    counts: Counter[str] = Counter()
    for check in examine():
        counts[check.status] += 1
        console.print(_row(check))
    parts = [f"{counts['ok']} ok", *(f"{counts[status]} {status}" for status in ("absent", "broken") if counts[status])]
    console.print(Text(", ".join(parts), style=STYLES["broken"] if counts["broken"] else "bold"))


def _row(check: Check) -> Table:
    """One line, and another for the advice; printed at once, since the next check may take long."""
    row = Table.grid(padding=(0, 1), expand=True)
    row.add_column(width=max(map(len, STYLES)))
    row.add_column(width=NAME_WIDTH)
    row.add_column(ratio=1)
    row.add_row(Text(check.status, style=STYLES[check.status]), Text(check.name), Text(check.detail))
    if check.advice:
        row.add_row("", "", Text(check.advice, style="cyan"))
    return row
