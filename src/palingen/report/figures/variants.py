"""Figure of a GAN study: the scores of every seed of every variant."""

from collections.abc import Sequence
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from palingen.report.figures.style import GUIDE, REAL, SCREEN, Style, new_figure, plain_log_ticks
from palingen.report.record_files import Record
from palingen.report.results.gan_variants import VariantRuns, group_variants

PANELS = {"fd": "Fréchet distance", "coverage": "coverage", "recall": "recall"}
"""Titles of the metrics that are drawn."""

NAME_WIDTH = 46
"""Letters of a variant's name in one line."""

LINE_HEIGHT = 0.26
"""Inches of one line of a name."""


def variants(
    results: Sequence[Record],
    style: Style = SCREEN,
    *,
    metrics: Sequence[str] = tuple(PANELS),
    floor: float | None = None,
) -> Figure:
    """Scores of all variants that finished: one dot a seed, the variant with the lowest distance on top.

    Args:
        results: results of a GAN study.
        style: look of the figure.
        metrics: metrics to draw, keys of `PANELS`.
        floor: Frechet distance of real images, for a dotted line.
    """
    finished = [variant for variant in group_variants(results) if variant.finished]
    names = [fill(variant.name, NAME_WIDTH) for variant in finished]
    lines = [1 + name.count("\n") for name in names]
    rows = [sum(lines[:index]) + 0.5 * lines[index] for index in range(len(lines))]  # as tall as its name
    with new_figure(11, 1.1 + LINE_HEIGHT * sum(lines), style) as figure:
        panels = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
        for axes, metric in zip(panels, metrics, strict=True):
            _draw_metric(axes, metric, finished, rows)
        if floor is not None and "fd" in metrics:
            panels[list(metrics).index("fd")].axvline(floor, **GUIDE)
        panels[0].set_yticks(rows, labels=names, fontsize="small")
        panels[0].set_ylim(sum(lines), 0)
        figure.supxlabel("one dot a seed, bar at the mean", fontsize="small")
    return figure


def _draw_metric(axes: Axes, metric: str, finished: Sequence[VariantRuns], rows: Sequence[float]) -> None:
    for row, variant in zip(rows, finished, strict=True):
        scores = variant.scores(metric)
        axes.scatter(scores, [row] * len(scores), s=14, color=REAL, alpha=0.7, zorder=3)
        axes.scatter([sum(scores) / len(scores)], [row], s=60, marker="|", color=REAL, zorder=3)
    axes.set_title(PANELS[metric])
    if metric == "fd":
        axes.set_xscale("log")
        plain_log_ticks(axes.xaxis)
    else:
        axes.set_xlim(-0.03, 1.03)
