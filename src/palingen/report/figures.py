"""Records and grey levels to figures.

B  images
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator
from numpy import ndarray

from palingen.files import write_atomically
from palingen.report.picture import Picture, png

STYLE: Any = {  # matplotlib types each key apart
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "legend.frameon": False,
}

COLOURS = {"lstm": "#1f5fa8", "rnn": "#d1602b", "gru": "#3a8f5c", "peephole": "#8454a3"}
"""One colour a cell, the same in every figure; told apart by the colour-blind too."""

DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)))

REAL, FAKE = "#1f5fa8", "#d1602b"

Records = Sequence[Mapping[str, Any]]
Digits = UInt8[ndarray, "B 28 width"]
"""The width is 28, or 84 where an image is three digits, one a colour, side by side."""

Strip = tuple[UInt8[ndarray, "S 28 28"], Sequence[int], Sequence[float]]


def save(path: Path, figure: Figure) -> None:
    """Write a figure as a PNG, atomically; equal figures give equal bytes."""
    write_atomically(path, png(figure))


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in the project's style, sizes in inches."""
    matplotlib.rcParams.update(STYLE)
    return Picture(figsize=(width, height), layout="constrained")


def palindrome_curves(runs: Mapping[str, Records]) -> Figure:
    """Accuracy on unseen palindromes and training loss over epochs.

    A label's first word is its cell and gives the colour; further runs of a cell are dashed.
    """
    figure = new_figure(10, 3.4)
    accuracy, loss = figure.subplots(1, 2)
    cells: list[str] = []
    for label, records in runs.items():
        cells.append(label.split()[0])
        epochs = [record for record in records if record["kind"] == "epoch"]
        steps = [record["epoch"] for record in epochs]
        look: dict[str, Any] = {
            "color": COLOURS.get(cells[-1], "#444444"),
            "linestyle": DASHES[(cells.count(cells[-1]) - 1) % len(DASHES)],
            "label": label,
        }
        accuracy.plot(steps, [100 * record["test_accuracy"] for record in epochs], **look)
        loss.semilogy(steps, [record["loss"] for record in epochs], **look)
    accuracy.axhline(10, color="#888888", linewidth=1, linestyle=":")
    accuracy.annotate("guessing", (1, 10), xycoords=("axes fraction", "data"), ha="right", va="bottom", color="#666666")
    accuracy.set(title="Right on unseen palindromes", xlabel="epoch", ylabel="%", ylim=(-3, 103))
    loss.set(title="Training loss", xlabel="epoch", ylabel="cross-entropy, nats")
    for axes in (accuracy, loss):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(*accuracy.get_legend_handles_labels(), loc="outside right center")
    return figure


def memory(studies: Mapping[str, Records]) -> Figure:
    """How often each cell is right, over the palindrome's length: one dot a seed, a line through the means."""
    figure = new_figure(5.2 * len(studies), 3.6)
    draw_memory(figure, studies)
    return figure


def draw_memory(figure: Figure | SubFigure, studies: Mapping[str, Records]) -> None:
    """Draw `memory` into a figure or a part of one."""
    for axes, (title, results) in zip(np.atleast_1d(figure.subplots(1, len(studies))), studies.items(), strict=True):
        draw_cells(axes, title, results)
    figure.supxlabel("length of the palindrome, digits", fontsize=10)


def draw_cells(axes: Axes, title: str, results: Records) -> None:
    """Draw one study into axes."""
    for cell in dict.fromkeys(result["cell"] for result in results):
        shares: dict[int, list[float]] = {}
        for result in results:
            if result["cell"] == cell:
                shares.setdefault(result["length"], []).append(100 * result["accuracy"])
        lengths = sorted(shares)
        axes.plot(lengths, [np.mean(shares[length]) for length in lengths], color=COLOURS[cell], label=cell)
        for length in lengths:
            seeds = shares[length]
            axes.scatter([length] * len(seeds), seeds, s=14, color=COLOURS[cell], alpha=0.7)
    axes.axhline(10, color="#888888", linewidth=1, linestyle=":")
    axes.annotate("guessing", (1, 10), xycoords=("axes fraction", "data"), ha="right", va="bottom", color="#666666")
    axes.set(title=title, ylabel="% right, one dot a seed")
    lengths = sorted({result["length"] for result in results})
    axes.set(ylim=(0, 104), xscale="log" if lengths[-1] > 10 * lengths[0] else "linear", xticks=lengths)
    axes.set_xticks(lengths, labels=[f"{length:,}" for length in lengths])
    axes.minorticks_off()
    axes.legend(loc="center left")


def inside(runs: Sequence[Mapping[str, Any]]) -> Figure:
    """The gates of the first run that has some, and how much gradient reaches each step in every run.

    A run is `label`, `cell`, `digits`, `gates` (name to [steps, units]), `before` and `after` (state to [steps]).
    """
    gated = next((run for run in runs if run["gates"]), None)
    figure = new_figure(11, 6.8 if gated else 3.6)
    rows: Any = figure.subfigures(2, 1, height_ratios=[1, 1.1]) if gated else [None, figure]
    if gated:
        _draw_gates(rows[0], gated)
    axes = rows[1].subplots(1, 2, sharey=True)
    for moment, title, place in zip(("before", "after"), ("before training", "after training"), axes, strict=True):
        for run in runs:
            for part, norms in run[moment].items():
                dashes = DASHES[0] if part == "h" else DASHES[1]
                look: dict[str, Any] = {"color": COLOURS.get(run["cell"], "#444444"), "linestyle": dashes}
                steps = np.arange(1, len(norms) + 1)
                place.semilogy(steps, np.maximum(norms, 1e-40), label=f"{run['label']}: dL/d{part}(t)", **look)
        place.set(title=f"Gradient that reaches step t, {title}", xlabel="t")
        place.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0].set(ylabel="mean norm over palindromes")
    rows[1].legend(*axes[0].get_legend_handles_labels(), loc="outside right center")
    return figure


def _draw_gates(figure: SubFigure, run: Mapping[str, Any]) -> None:
    names = {"f": "forget gate f", "i": "input gate i", "o": "output gate o", "z": "update gate z", "r": "reset gate r"}
    axes = np.atleast_1d(figure.subplots(1, len(run["gates"]), sharey=True))
    for place, (name, gate) in zip(axes, run["gates"].items(), strict=True):
        image = place.imshow(np.asarray(gate).T, aspect="auto", cmap="viridis", vmin=0, vmax=1, interpolation="nearest")
        place.set(title=names[name], xlabel="digit read at step t")
        place.grid(visible=False)
        if len(run["digits"]) <= 32:
            place.set_xticks(range(len(run["digits"])), labels=run["digits"])
    axes[0].set(ylabel=f"units of {run['label']}")
    figure.colorbar(image, ax=axes, label="open", pad=0.01)


def overview(studies: Mapping[str, Records], grids: Mapping[str, Digits], strips: Mapping[str, Strip]) -> Figure:
    """Both laboratories at a glance."""
    below = 1.42 * len(strips)
    figure = new_figure(14.5, 3.56 + below)
    rows: Any = figure.subfigures(2, 1, height_ratios=[3.56, below])
    left, right = rows[0].subfigures(1, 2, width_ratios=[1.35, 2.1])
    draw_memory(left, studies)
    draw_moments(right, grids)
    draw_walks(rows[1], strips)
    return figure


def game_curves(records: Records) -> Figure:
    """Both players' losses, and how often the discriminator is right, over epochs."""
    figure = new_figure(9, 3.4)
    losses, accuracy = figure.subplots(1, 2)
    steps = [record for record in records if record["kind"] == "step"]
    epochs = [record["epoch"] for record in steps]
    for axes, quantity, players in (
        (losses, "loss", (("generator", FAKE), ("discriminator", REAL))),
        (accuracy, "accuracy", (("real", REAL), ("fake", FAKE))),
    ):
        scale = 100 if quantity == "accuracy" else 1
        for player, colour in players:
            values = [scale * record[f"{player}_{quantity}"] for record in steps]
            axes.plot(epochs, values, color=colour, alpha=0.25, linewidth=0.8)
            axes.plot(epochs, _smooth(values), color=colour, label=player)
        axes.legend()
    accuracy.axhline(50, color="#888888", linewidth=1, linestyle=":")
    accuracy.annotate("cannot tell", (1, 50), xycoords=("axes fraction", "data"), ha="right", va="bottom")
    losses.set(title="Losses", xlabel="epoch", ylabel="nats", ylim=(0, None))
    accuracy.set(title="The discriminator is right on", xlabel="epoch", ylabel="%", ylim=(-3, 103))
    return figure


def moments(grids: Mapping[str, Digits]) -> Figure:
    """One grid of 25 images for each moment, the same latents throughout."""
    _, height, width = next(iter(grids.values())).shape
    figure = new_figure(3.2 * len(grids), 0.3 + 3.2 * height / width)
    draw_moments(figure, grids)
    return figure


def draw_moments(figure: Figure | SubFigure, grids: Mapping[str, Digits]) -> None:
    """Draw `moments` into a figure or a part of one."""
    for axes, (moment, pixels) in zip(np.atleast_1d(figure.subplots(1, len(grids))), grids.items(), strict=True):
        _show(axes, sheet(pixels, columns=5))
        axes.set_title(moment, loc="center")


def walks(strips: Mapping[str, Strip]) -> Figure:
    """Walks between two latents, one row each: images, and under each its class and the judge's confidence."""
    figure = new_figure(0.5 + max(len(pixels) for pixels, _, _ in strips.values()), 1.32 * len(strips))
    draw_walks(figure, strips)
    return figure


def draw_walks(figure: Figure | SubFigure, strips: Mapping[str, Strip]) -> None:
    """Draw `walks` into a figure or a part of one."""
    columns = max(len(pixels) for pixels, _, _ in strips.values())
    rows = np.atleast_2d(figure.subplots(len(strips), columns))
    for row, (walk, (pixels, classes, confidences)) in zip(rows, strips.items(), strict=True):
        for axes, image, label, confidence in zip(row, pixels, classes, confidences, strict=True):
            _show(axes, image)
            axes.set_xlabel(f"{label} · {100 * confidence:.0f} %", fontsize=9)
        row[0].set_ylabel(walk, fontsize=10)


def sheet(pixels: Digits, columns: int, gap: int = 2) -> UInt8[ndarray, "H W"]:
    """Images side by side, row by row, `gap` white pixels between them."""
    count, height, width = pixels.shape
    rows = -(-count // columns)
    whole = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), 255, np.uint8)
    for place, image in enumerate(pixels):
        top, left = place // columns * (height + gap), place % columns * (width + gap)
        whole[top : top + height, left : left + width] = image
    return whole


def _show(axes: Axes, pixels: UInt8[ndarray, "H W"]) -> None:
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _smooth(values: Sequence[float]) -> ndarray:
    window = max(1, len(values) // 40)
    padded = np.pad(np.asarray(values, float), (window // 2, window - 1 - window // 2), mode="edge")
    return np.convolve(padded, np.ones(window) / window, mode="valid")
