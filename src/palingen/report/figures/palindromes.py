"""Figures of palindrome runs: training curves, and accuracy over the length of the palindromes."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from palingen.report.figures.style import COLOURS, DASHES, GUIDE, OTHER, SCREEN, Style, new_figure, power_ticks
from palingen.report.record_files import Record
from palingen.report.records import RunRecords

OPACITIES = (1.0, 0.65, 0.4)
"""Opacity of the seeds, first to third; further ones repeat."""

LABEL_RATIO = 4
"""Smallest ratio of two neighbouring lengths that are both labelled on a logarithmic axis."""

LABEL_WIDTH = 1 / 3
"""Width of a label as a fraction of the narrowest axis."""

ZOOM_ABOVE = 90
"""Lowest accuracy in % from which on the axis does not start at zero."""


def palindrome_curves(runs: Mapping[str, Sequence[Record]], style: Style = SCREEN) -> Figure:
    """Accuracy on unseen palindromes and training loss over the epochs.

    Args:
        runs: records by label. Its first word is the cell and gives the colour; further runs of a cell are dashed.
        style: look of the figure.
    """
    with new_figure(10, 3.4, style) as figure:
        accuracy, loss = figure.subplots(1, 2)
        cells: list[str] = []
        for label, records in runs.items():
            cells.append(label.split()[0])
            epochs = [record for record in records if record["kind"] == "epoch"]
            numbers = [record["epoch"] for record in epochs]
            line: dict[str, Any] = {
                "color": COLOURS.get(cells[-1], OTHER),
                "linestyle": DASHES[(cells.count(cells[-1]) - 1) % len(DASHES)],
                "label": label,
            }
            accuracy.plot(numbers, [100 * record["test_accuracy"] for record in epochs], **line)
            loss.semilogy(numbers, [record["loss"] for record in epochs], **line)
        _draw_chance(accuracy)
        accuracy.set(title="Accuracy on unseen palindromes", xlabel="epoch", ylabel="%", ylim=(-3, 103))
        power_ticks(loss.yaxis)
        loss.set(title="Training loss", xlabel="epoch", ylabel="cross-entropy, nats")
        for axes in (accuracy, loss):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.legend(*accuracy.get_legend_handles_labels(), loc="outside right center")
    return figure


def learning_curves(runs: Sequence[RunRecords], style: Style = SCREEN) -> Figure:
    """Accuracy on unseen palindromes over the epochs, every seed, for the two longest lengths and both cells."""
    lengths = sorted({run.result["length"] for run in runs})[-2:]
    with new_figure(10, 0.6 + 2.1 * len(lengths), style) as figure:
        grid = figure.subplots(len(lengths), 2, sharex=True, sharey=True, squeeze=False)
        for row, length in zip(grid, lengths, strict=True):
            for axes, cell in zip(row, ("lstm", "rnn"), strict=True):
                group = [run for run in runs if (run.result["cell"], run.result["length"]) == (cell, length)]
                for index, run in enumerate(group):
                    epochs = run.of("epoch")
                    accuracies = [100 * epoch["test_accuracy"] for epoch in epochs]
                    opacity = OPACITIES[index % len(OPACITIES)]
                    axes.plot([epoch["epoch"] for epoch in epochs], accuracies, color=COLOURS[cell], alpha=opacity)
                axes.axhline(10, **GUIDE)
                axes.set(title=f"{cell.upper()}, T = {length:,}", ylim=(-3, 104), yticks=(0, 50, 100))
            row[0].set_ylabel("accuracy, %")
        for axes in grid[-1]:
            axes.set_xlabel("epoch")
    return figure


def accuracy_by_length(studies: Mapping[str, Sequence[Record]], style: Style = SCREEN) -> Figure:
    """Accuracy of each cell over the length of the palindromes: one dot a seed, a line through the means.

    A seed that diverged, whose accuracy is None, is a cross at the bottom and does not enter the mean.

    Args:
        studies: results of runs, by title.
        style: look of the figure.
    """
    with new_figure(5.2 * max(len(studies), 2), 3.6, style) as figure:
        draw_accuracy(figure, studies)
    return figure


def draw_accuracy(figure: Figure | SubFigure, studies: Mapping[str, Sequence[Record]]) -> None:
    """Draw `accuracy_by_length` into a figure or a part of one."""
    for axes, (title, results) in zip(np.atleast_1d(figure.subplots(1, len(studies))), studies.items(), strict=True):
        _draw_study(axes, title, results)
    figure.supxlabel("length of the palindromes, digits (one dot a seed)", fontsize="medium")


def _draw_study(axes: Axes, title: str, results: Sequence[Record]) -> None:
    cells = [*dict.fromkeys(result["cell"] for result in results)]
    unlisted = [cell for cell in cells if cell not in COLOURS]  # users' own, which share a colour
    for cell in cells:
        dashes = DASHES[unlisted.index(cell) % len(DASHES)] if cell in unlisted else "-"
        accuracies: dict[int, list[float]] = {}
        for result in results:
            if result["cell"] == cell and result["accuracy"] is not None:
                accuracies.setdefault(result["length"], []).append(100 * result["accuracy"])
        lengths, colour = sorted(accuracies), COLOURS.get(cell, OTHER)
        means = [np.mean(accuracies[length]) for length in lengths]
        name = cell.upper() if cell in COLOURS else cell
        axes.plot(lengths, means, color=colour, linestyle=dashes, label=name)
        for length in lengths:
            seeds = accuracies[length]
            axes.scatter([length] * len(seeds), seeds, s=14, color=colour, alpha=0.7)
        diverged = [run["length"] for run in results if run["cell"] == cell and run["accuracy"] is None]
        if diverged:
            label, bottom = f"{name}, {len(diverged)} diverged", [0.03] * len(diverged)
            axes.plot(diverged, bottom, "x", color=colour, label=label, transform=axes.get_xaxis_transform())
    axes.set(title=title, ylabel="accuracy, %", ylim=(-3, 104))
    lowest = 100 * min(result["accuracy"] for result in results if result["accuracy"] is not None)
    if lowest > ZOOM_ABOVE:
        bottom = 5 * (lowest // 5) - 1
        axes.set(ylim=(bottom, 100.4), title=f"{title} (from {bottom:.0f} %)")
    else:
        _draw_chance(axes, "left")
    lengths = sorted({result["length"] for result in results})
    is_log = lengths[-1] > 10 * lengths[0]
    axes.set(xscale="log" if is_log else "linear")
    labelled = _spread(lengths) if is_log else lengths
    axes.set_xticks(lengths, labels=[f"{length:,}" if length in labelled else "" for length in lengths])
    axes.minorticks_off()
    axes.legend(loc="center left")


def _spread(lengths: Sequence[int]) -> list[int]:
    """Longest length, and shorter ones so far apart on a logarithmic axis that their labels do not touch."""
    spread, ratio = [lengths[-1]], max(LABEL_RATIO, (lengths[-1] / lengths[0]) ** LABEL_WIDTH)
    for length in reversed(lengths):
        if length * ratio <= spread[-1]:
            spread.append(length)
    return spread


def _draw_chance(axes: Axes, side: Literal["left", "right"] = "right") -> None:
    """Draw the accuracy of guessing one of ten digits, with its name on a side where few curves are that low."""
    axes.axhline(10, **GUIDE)
    x = {"left": 0.01, "right": 1}[side]
    axes.annotate("chance", (x, 10), xycoords=("axes fraction", "data"), ha=side, va="bottom", color="#666666")
