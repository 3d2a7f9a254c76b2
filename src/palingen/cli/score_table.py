"""Table of scores: metrics in rows, sets of images in columns."""

from collections.abc import Mapping
from dataclasses import fields

from rich.console import Console
from rich.table import Table

from palingen.gan.evaluation.evaluator import Score

METRICS = {
    "n": ("images", ""),
    "fd": ("FD to test", "0"),
    "fd_training": ("FD to training", "0"),
    "kid": ("KID", "0"),
    "precision": ("precision", "1"),
    "recall": ("recall", "1"),
    "density": ("density", "1"),
    "coverage": ("coverage", "1"),
    "inception_score": ("inception score", "10"),
    "class_tv": ("class imbalance", "0"),
    "mean_confidence": ("confidence", "1"),
    "nearest_train_ratio": ("nearest training", "1"),
    "class_accuracy": ("class accuracy", "1"),
}
"""Name of each metric, and its value for images from the distribution of the test images."""


def print_scores(scores: Mapping[str, Score], title: str, std: Mapping[str, float | None] | None = None) -> None:
    """Print a table of at most 80 columns.

    Args:
        scores: scores by the name of their images.
        title: title of the table.
        std: standard deviations of the first column, if there are any.
    """
    first, *others = scores
    columns = ["ideal", first, *(["±"] if std else []), *others]
    table = Table(box=None, padding=(0, 0, 0, 1), pad_edge=False)
    table.title, table.title_justify, table.title_style = title, "left", "bold"
    table.caption, table.caption_justify = "FD: Frechet distance", "left"
    table.add_column()
    for name in columns:
        table.add_column(name.replace("-", "-\n").replace(" ", "\n", 1), justify="right", no_wrap=True)
    for field in fields(Score):
        label, ideal = METRICS[field.name]
        values = [getattr(score, field.name) for score in scores.values()]
        if std:
            values.insert(1, std[field.name] or None)
        if any(value is not None for value in values):
            table.add_row(label, ideal, *map(_format, values))
    Console(markup=False, emoji=False).print(table)


def _format(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value}" if isinstance(value, int) else f"{value:.3f}" if value < 10 else f"{value:.1f}"
