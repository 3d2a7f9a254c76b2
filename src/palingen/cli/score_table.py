"""Table of scores: metrics in rows, sets of images in columns."""

from collections.abc import Iterator, Mapping
from dataclasses import fields

from rich.console import Console
from rich.table import Table

from palingen.gan.data.mnist import DIGIT_NAMES
from palingen.gan.evaluation.controls import CONTROLS, is_control
from palingen.gan.evaluation.score import Score, ScoreSummary

METRICS = {
    "n": ("count", ""),
    "fd": ("FD", "0"),
    "fd_second": ("FD, second", "0"),
    "fd_training": ("FD to train", "0"),
    "kid": ("KID", "0"),
    "precision": ("precision", "1"),
    "recall": ("recall", "1"),
    "density": ("density", "1"),
    "coverage": ("coverage", "1"),
    "inception_score": ("inception", ""),
    "class_tv": ("imbalance", "0"),
    "mean_confidence": ("confidence", "1"),
    "low_confidence_fraction": ("below 0.9", ""),
    "nearest_train_ratio": ("nearest train", "1"),
    "class_accuracy": ("class accuracy", "1"),
}
"""Name of each metric, and its value for images from the distribution of the real ones."""

CAPTION = """FD: Frechet distance; second: in the second classifier's features.
Below 0.9: fraction of images with a confidence below 0.9. Rep.: repeated."""


def print_scores(
    scores: Mapping[str, ScoreSummary],
    title: str,
    low_confidence_reference: float,
    num_classes: int = len(DIGIT_NAMES),
) -> None:
    """Print a table of at most 80 columns.

    Args:
        scores: scores by the name of their images, those in question first, if there are any, then the controls.
        title: title of the table.
        low_confidence_reference: fraction of the real images with a low confidence.
        num_classes: number of classes, the ideal inception score.
    """
    table = Table(box=None, padding=(0, 0, 0, 1), pad_edge=False)
    table.title, table.title_justify, table.title_style = title, "left", "bold"
    table.caption, table.caption_justify = CAPTION, "left"
    for name in ("", "ideal", *_column_names(scores)):
        table.add_column(name.replace(" ", "\n", 1), justify="right" if name else "left", no_wrap=True)
    for field in fields(Score):
        label, ideal = METRICS[field.name]
        if field.name == "low_confidence_fraction":
            ideal = _format(low_confidence_reference)
        elif field.name == "inception_score":
            ideal = str(num_classes)
        values = list(_cells(scores, field.name))
        if any(values):
            table.add_row(label, ideal, *values)
    Console(markup=False, emoji=False).print(table)


def _column_names(scores: Mapping[str, ScoreSummary]) -> Iterator[str]:
    for name, summary in scores.items():
        yield name.replace("repeated", "rep.") if is_control(name) else "images"
        if _shows_std(name, summary):
            yield "±"


def _cells(scores: Mapping[str, ScoreSummary], metric: str) -> Iterator[str]:
    """Values of one metric, in the order of the columns."""
    for name, summary in scores.items():
        yield _format(getattr(summary.mean, metric))
        if _shows_std(name, summary):
            yield _format(summary.std[metric] or None)


def _shows_std(name: str, summary: ScoreSummary) -> bool:
    """Whether a standard deviation stands beside the value: for the images in question and the floor."""
    return bool(summary.std) and (name == CONTROLS[0] or not is_control(name))


def _format(value: float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value}"
    return f"{value:.3f}" if value < 10 else f"{value:.1f}" if value < 10_000 else f"{value:.2g}"
