"""Command-line reference of the documentation site, from the same entries as the help screens."""

from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

from palingen.cli import app
from palingen.cli.help import HelpFormatter, Row

PAGES = {
    "palindrome": ("palingen palindrome", ["palindrome"]),
    "gan": ("palingen gan", ["gan"]),
    "commands": (
        "Other commands",
        [name for name in app if name not in ("--help", "-h", "--version", "palindrome", "gan")],
    ),
}
"""Title of each page, and the commands or groups of commands on it."""


def command_page(name: str) -> str:
    """Markdown of one page: usage, description and options of each command."""
    title, commands = PAGES[name]
    verbs = [verb for command in commands for verb in _verbs(app[command], (command,))]
    return f"# {title}\n\n" + "\n".join(line for verb in verbs for line in _command(verb))


def _verbs(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Path of every command below a group, or of the command itself."""
    if command.default_command:
        yield path
        return
    for name in sorted(command, key=lambda name: name != "train"):
        if not name.startswith("-"):
            yield from _verbs(command[name], (*path, name))


def _command(verb: tuple[str, ...]) -> Iterator[str]:
    """Section of one command."""
    chain = app.parse_commands(verb)[1]
    formatter = chain[-1].help_formatter or app.help_formatter
    assert isinstance(formatter, HelpFormatter)
    yield f"## palingen {' '.join(verb)}\n"
    yield f"{cleandoc(chain[-1].help)}\n"
    for _, panel in app._assemble_help_panels(verb, "plaintext"):  # cyclopts builds its own pages from these as well
        for group, rows in formatter.sections(panel, complete=True).items():
            yield f"| {group} | |\n| --- | --- |\n" + "".join(_table_row(row) for row in rows)


def _table_row(row: Row) -> str:
    details = f" `{row.details}`" if row.details else ""
    return f"| `{row.label}` | {row.description}{details} |\n".replace("|`", "&#124;")
