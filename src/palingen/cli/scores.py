"""Scores side by side: the numbers down, the sets of images across."""

from collections.abc import Mapping
from dataclasses import fields

from rich.console import Console
from rich.table import Table

from palingen.adversarial.score import Score

PERFECT = {
    "fd": "0",
    "fd_training": "0",
    "kid": "0",
    "precision": "1",
    "recall": "1",
    "density": "1",
    "coverage": "1",
    "classifier_score": "10",
    "class_tv": "0",
    "confidence": "1",
    "nearest": "1",
    "agreement": "1",
}
"""What the test images would get if they were measured against themselves, or the like."""


def print_scores(scores: Mapping[str, Score], title: str, spread: Mapping[str, float | None] | None = None) -> None:
    """Print a table that fits 80 columns; `floor` is what real images get, a spread belongs to the first row."""
    first, *others = scores
    heads = [name.replace("-", "-\n").replace(" ", "\n", 1) for name in (first, *(["±"] if spread else []), *others)]
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 0, 0, 1), pad_edge=False)
    table.add_column()
    for head in ("ideal", *heads):
        table.add_column(head, justify="right", no_wrap=True)
    for field in fields(Score):
        values = [getattr(score, field.name) for score in scores.values()]
        if spread:
            values.insert(1, spread[field.name] or None)
        if any(value is not None for value in values):
            table.add_row(field.name.replace("_", " "), PERFECT.get(field.name, ""), *map(_words, values))
    Console().print(table)


def _words(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value}" if isinstance(value, int) else f"{value:.3f}" if value < 10 else f"{value:.1f}"
