"""Values that a notebook renders: tables and highlighted code."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from html import escape
from textwrap import dedent
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from torch import nn

from palingen.runtime.number_text import number_text


class Markdown(str):
    """Markdown text that a notebook renders if it is the last value of a cell; `table` does not escape it."""

    def _repr_markdown_(self) -> str:
        return str(self)


class HighlightedCode(str):
    """Python code that a notebook shows highlighted if it is the last value of a cell."""

    def _repr_html_(self) -> str:
        style = "font-family: monospace; background: #f7f7f7; color: #222; padding: 0.6em 0.8em"
        return str(highlight(self, PythonLexer(), HtmlFormatter(noclasses=True, nobackground=True, prestyles=style)))


def table(rows: Sequence[Mapping[str, Any]], *columns: str) -> Markdown:
    """Rows as a table, with the given columns or with all columns of the first row; texts are shown literally."""
    names = columns or tuple(rows[0])
    body = ([_format(row.get(name)) for name in names] for row in rows)
    lines = [[_format(name) for name in names], ["---"] * len(names), *body]
    return Markdown("\n".join(f"| {' | '.join(cells)} |" for cells in lines))


def settings(config: Any, *names: str) -> Markdown:
    """Some fields of a config."""
    return table([{"setting": _code(name), "value": getattr(config, name)} for name in names])


def compare_configs(configs: Mapping[str, Any]) -> Markdown:
    """Fields in which configs of one class differ."""
    rows = [
        {"setting": _code(field.name), **{name: getattr(config, field.name) for name, config in configs.items()}}
        for field in fields(next(iter(configs.values())))
    ]
    return table([row for row in rows if len({row[name] for name in configs}) > 1])


def source(*objects: Callable[..., Any]) -> HighlightedCode:
    """Source code of functions and classes."""
    texts = [dedent(inspect.getsource(inspect.unwrap(item))).rstrip() for item in objects]
    return HighlightedCode("\n\n\n".join(texts))


def parameters(model: nn.Module) -> Markdown:
    """Parameters of a network by name, with their shapes and counts."""
    rows = [
        {"parameter": _code(name), "shape": " x ".join(map(str, weight.shape)), "count": weight.numel()}
        for name, weight in model.named_parameters()
    ]
    return table([*rows, {"parameter": "total", "shape": "", "count": sum(row["count"] for row in rows)}])


def format_percent(fraction: float) -> str:
    """A fraction as a percentage with one decimal."""
    return f"{100 * fraction:.1f} %"


def _code(name: str) -> Markdown:
    """Name of a field or a parameter, as code."""
    return Markdown(f"`{name}`" if re.fullmatch(r"[\w.]+", name) else _literal(name))


def _format(value: Any) -> str:
    if isinstance(value, Markdown):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return number_text(value) if is_number else _literal(str(value))


def _literal(text: str) -> str:
    """Markdown that shows `text` in a cell, and is neither HTML, a formula nor a link."""
    line = escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*\[\]|~$]|\b_|_\b)", r"\\\1", line)
