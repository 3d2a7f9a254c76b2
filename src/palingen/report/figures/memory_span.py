"""Figure of the memory of trained cells: the gradient over the distance to the last step, accuracy over the length."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from palingen.report.figures.style import COLOURS, DASHES, GUIDE, OTHER, SCREEN, Style, new_figure, power_ticks
from palingen.report.record_files import Record

LOWEST = 1e-12
"""Relative gradient norms below it are not drawn: they say no more than that nothing arrives."""

CHANCE = 10
"""Accuracy of guessing one of ten digits, in %."""


def memory_span(records: Sequence[Record], style: Style = SCREEN) -> Figure:
    """Gradient norm at each distance from the last step, and accuracy on palindromes of other lengths.

    Args:
        records: as `palingen palindrome analyze` writes them.
        style: look of the figure.
    """
    with new_figure(11, 3.6, style) as figure:
        gradient, accuracy = figure.subplots(1, 2)
        cells: list[str] = []
        for record in records:
            cells.append(record["cell"])
            line: dict[str, Any] = {
                "color": COLOURS.get(record["cell"], OTHER),
                "linestyle": DASHES[(cells.count(record["cell"]) - 1) % len(DASHES)],
                "label": record["label"],
            }
            _draw_gradient(gradient, record, line)
            _draw_accuracy(accuracy, record, line)
        gradient.set(title="Gradient after training", ylabel="norm over that at the last step")
        gradient.set(xlabel="steps before the last", xscale="log", yscale="log")
        gradient.set_ylim(bottom=max(LOWEST, gradient.get_ylim()[0]))
        power_ticks(gradient.yaxis)
        accuracy.axhline(CHANCE, **GUIDE)
        accuracy.set(title="Accuracy (dot: as in the training)", xlabel="length of the palindromes, digits")
        accuracy.set(ylabel="%", ylim=(-3, 104), xscale="log")
        for axes in (gradient, accuracy):
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
            axes.xaxis.set_minor_formatter("")
        figure.legend(*gradient.get_legend_handles_labels(), loc="outside right center")
    return figure


def _draw_gradient(axes: Axes, record: Record, line: dict[str, Any]) -> None:
    """Norm of the gradient of the whole state's largest part, over that at the last step."""
    norms = np.max([record["trained"][part] for part in record["trained"]], axis=0)
    distances = record["steps"][-1] - np.asarray(record["steps"])
    is_visible = (distances > 0) & (norms > LOWEST * norms[-1])
    axes.plot(distances[is_visible], norms[is_visible] / norms[-1], **line)


def _draw_accuracy(axes: Axes, record: Record, line: dict[str, Any]) -> None:
    lengths = [recall["length"] for recall in record["recall"]]
    accuracies = [100 * recall["accuracy"] for recall in record["recall"]]
    axes.plot(lengths, accuracies, **line)
    if record["length"] in lengths:
        trained = lengths.index(record["length"])
        axes.plot(record["length"], accuracies[trained], "o", color=line["color"], markersize=5)
