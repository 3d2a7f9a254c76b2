"""Check names, docstrings and sizes: part of `make check`. Prints each finding and exits with 1 if there are any.

names       none of `BANNED_NAMES` is an identifier
docstrings  none begins with one of `BANNED_BEGINNINGS`
sizes       no function over 40 lines or with more than 9 parameters, no file over 230 lines; an exception states its
            reason in a comment that begins with `# Long:`
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

FOLDERS = ("src", "benchmarks", "scripts", "assignment")

BANNED_NAMES = {
    # say nothing of what they hold
    "asked", "far", "found", "give", "given", "held", "kept", "look", "looks", "made", "once", "owed", "place",
    "places", "said", "seen", "shown", "told", "took", "wanted", "whole", "words",
    # have a standard name in the field
    "album", "arm", "arms", "by_hand", "by_pieces", "draws", "game", "games", "insides", "judge", "judged",
    "judgement", "moment", "pieces", "player", "players", "spoilt", "station", "stations", "sure", "team",
    "walk", "walks", "watch", "watched", "watcher", "way", "workers", "yardstick",
}  # fmt: skip

BANNED_BEGINNINGS = ("What ", "The same", "As ")

MAX_FUNCTION_LINES, MAX_FILE_LINES, MAX_PARAMETERS = 40, 230, 9

REASON = "# Long:"


def main() -> None:
    """Check every Python file of `FOLDERS`."""
    files = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    findings = [f"{path.relative_to(ROOT)}:{finding}" for path in files for finding in check_file(path)]
    print("\n".join(findings) or f"language: {len(files)} files checked")
    sys.exit(bool(findings))


def check_file(path: Path) -> Iterator[str]:
    """Findings in one file, as `line: message`."""
    lines = path.read_text().splitlines()
    if len(lines) > MAX_FILE_LINES and not any(line.startswith(REASON) for line in lines):
        yield f"1: the file has {len(lines)} lines, more than {MAX_FILE_LINES}"
    for node in ast.walk(ast.parse("\n".join(lines))):
        yield from check_names(node)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield from check_docstring(node)
        if isinstance(node, ast.FunctionDef):
            yield from check_size(node, lines)


def check_names(node: ast.AST) -> Iterator[str]:
    """Banned identifiers that a node defines: variables, attributes, parameters, functions, classes, aliases."""
    defined: dict[type[ast.AST], str] = {
        ast.FunctionDef: "name",
        ast.ClassDef: "name",
        ast.arg: "arg",
        ast.alias: "asname",
    }
    name = getattr(node, defined.get(type(node), ""), None)
    if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
        name = node.id if isinstance(node, ast.Name) else node.attr
    if isinstance(name, str) and name.strip("_") in BANNED_NAMES:
        yield f"{getattr(node, 'lineno', 1)}: the name {name!r} is banned; name what it holds, in the field's words"


def check_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> Iterator[str]:
    """Banned beginning of a docstring."""
    docstring = ast.get_docstring(node) or ""
    if beginning := next((start for start in BANNED_BEGINNINGS if docstring.startswith(start)), None):
        yield f"{getattr(node, 'lineno', 1)}: the docstring begins with {beginning.strip()!r}, not a term"


def check_size(node: ast.FunctionDef, lines: list[str]) -> Iterator[str]:
    """Function that is too long or has too many parameters."""
    body = lines[node.lineno - 1 : node.end_lineno]
    if any(line.strip().startswith(REASON) for line in body):
        return
    if len(body) > MAX_FUNCTION_LINES:
        yield f"{node.lineno}: {node.name} has {len(body)} lines, more than {MAX_FUNCTION_LINES}"
    parameters = len(node.args.posonlyargs + node.args.args + node.args.kwonlyargs)
    if parameters > MAX_PARAMETERS:
        yield f"{node.lineno}: {node.name} has {parameters} parameters, more than {MAX_PARAMETERS}"


if __name__ == "__main__":
    main()
