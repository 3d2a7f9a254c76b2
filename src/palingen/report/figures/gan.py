"""Figures of GAN runs: training curves, monitored scores, snapshots and interpolations.

B  images
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy import ndarray

from palingen.report.figures.style import (
    DASHES,
    FAKE,
    GUIDE,
    OTHER,
    REAL,
    SCREEN,
    Style,
    new_figure,
    plain_log_ticks,
    show_image,
)
from palingen.report.record_files import Record
from palingen.report.records import Images, Strip
from palingen.runtime.image_io import tile

LABEL_LENGTH = 8
"""Longest name of a class under an image."""

BINS = 200
"""Points of a training curve; each is the mean, lowest and highest of as many consecutive records."""

GUESSING: Mapping[str, tuple[float | None, float]] = {
    "minimax": (-np.log(2), 2 * np.log(2)),
    "non-saturating": (np.log(2), 2 * np.log(2)),
    "least-squares": (1 / 8, 1 / 4),
    "hinge": (None, 2),
    "wasserstein": (None, 0),
    "relativistic": (np.log(2), np.log(2)),
}
"""Losses of generator and discriminator while the discriminator guesses, by name; None if it may be any number."""


def gan_curves(
    records: Sequence[Record], style: Style = SCREEN, *, loss: object = "non-saturating", loss_weight: float = 1.0
) -> Figure:
    """Losses of both networks and accuracy of the discriminator over the epochs, with the levels of guessing.

    Args:
        records: records of a run.
        style: look of the figure.
        loss: loss of its config; for one of the user's, the losses have no levels.
        loss_weight: weight of the discriminator's loss in its config.
    """
    steps = [record for record in records if record["kind"] == "step"]
    with new_figure(10, 3.5, style) as figure:
        losses, accuracy = figure.subplots(1, 2)
        generator, discriminator = GUESSING.get(str(loss), (None, None))
        levels = generator, None if discriminator is None else loss_weight * discriminator
        for (name, colour), level in zip((("generator", FAKE), ("discriminator", REAL)), levels, strict=True):
            _draw_binned(losses, steps, f"{name}_loss", 1, {"color": colour, "label": name})
            if level is not None:
                losses.axhline(level, **{**GUIDE, "color": colour})
        for name, colour in (("real", REAL), ("fake", FAKE)):
            _draw_binned(accuracy, steps, f"{name}_accuracy", 100, {"color": colour, "label": name})
        accuracy.axhline(50, **GUIDE)
        for axes in (losses, accuracy):
            axes.legend()
        title = "Losses" if discriminator is None else "Losses (dotted: guessing)"
        losses.set(title=title, xlabel="epoch", ylabel="loss", ylim=_loss_range(steps))
        accuracy.set(title="Accuracy of the discriminator on", xlabel="epoch", ylabel="%", ylim=(-3, 103))
    return figure


def _loss_range(steps: Sequence[Record]) -> tuple[float, float]:
    """Axis of the losses, without the few highest and lowest ones, which would flatten the rest."""
    values = [step[name] for name in ("generator_loss", "discriminator_loss") for step in steps] or [0.0]
    low, high = np.percentile(values, [0.5, 99.5])
    return 1.1 * min(0.0, float(low)), max(2.0, 1.1 * float(high))


def monitor_curves(runs: Mapping[str, Sequence[Record]], style: Style = SCREEN) -> Figure:
    """Frechet distance, coverage and recall during the training.

    Args:
        runs: `monitor` records by recipe.
        style: look of the figure.
    """
    with new_figure(10, 3.5, style) as figure:
        distance, fractions = figure.subplots(1, 2)
        for (name, records), dashes in zip(runs.items(), DASHES, strict=False):
            epochs = [record["epoch"] for record in records]
            points: dict[str, Any] = {"linestyle": dashes, "marker": "o", "markersize": 2.5}
            distance.plot(epochs, [record["fd"] for record in records], color=OTHER, label=name, **points)
            for field, colour in (("coverage", REAL), ("recall", FAKE)):
                values = [record[field] for record in records]
                fractions.plot(epochs, values, color=colour, label=f"{name}, {field}", **points)
        distance.set(title="Fréchet distance", xlabel="epoch", yscale="log")
        fractions.set(title="Coverage and recall", xlabel="epoch", ylim=(0, 1))
        for axes in (distance, fractions):
            axes.set_xscale("log")
            plain_log_ticks(axes.xaxis)
            axes.legend(fontsize="x-small")
        plain_log_ticks(distance.yaxis)
    return figure


def snapshots(grids: Mapping[str, Images], style: Style = SCREEN) -> Figure:
    """One grid of images for each stage, all from the same latents.

    Args:
        grids: images by title.
        style: look of the figure.
    """
    _, height, width = next(iter(grids.values())).shape
    with new_figure(3.2 * len(grids), 0.3 + 3.2 * height / width, style) as figure:
        draw_snapshots(figure, grids)
    return figure


def draw_snapshots(figure: Figure | SubFigure, grids: Mapping[str, Images]) -> None:
    """Draw `snapshots` into a figure or a part of one."""
    for axes, (title, pixels) in zip(np.atleast_1d(figure.subplots(1, len(grids))), grids.items(), strict=True):
        show_image(axes, grid(pixels))
        axes.set_title(title, loc="center")


def grid(pixels: Images) -> UInt8[ndarray, "H W"]:
    """Images in rows of five, on white."""
    return tile(pixels, columns=5, background=255)


def interpolations(strips: Mapping[str, Strip], style: Style = SCREEN) -> Figure:
    """Interpolations between two latents, one row each, with the predicted class and confidence under each image.

    Args:
        strips: interpolations by name.
        style: look of the figure.
    """
    with new_figure(0.5 + max(len(strip.pixels) for strip in strips.values()), 1.32 * len(strips), style) as figure:
        draw_interpolations(figure, strips)
    return figure


def draw_interpolations(figure: Figure | SubFigure, strips: Mapping[str, Strip]) -> None:
    """Draw `interpolations` into a figure or a part of one."""
    columns = max(len(strip.pixels) for strip in strips.values())
    rows = figure.subplots(len(strips), columns, squeeze=False)
    for row, (name, strip) in zip(rows, strips.items(), strict=True):
        for axes, image, label, confidence in zip(row, strip.pixels, strip.classes, strip.confidences, strict=False):
            show_image(axes, image)
            axes.set_xlabel(f"{_short(label)} · {100 * confidence:.0f} %", fontsize="small")
        for axes in row[len(strip.pixels) :]:
            axes.set_visible(False)
        row[0].set_ylabel(name, fontsize="medium")


def _short(label: int | str) -> str:
    """Name of a class, cut off where it would run into the next image's."""
    text = str(label)
    return text if len(text) <= LABEL_LENGTH else f"{text[: LABEL_LENGTH - 1]}…"


def _draw_binned(axes: Axes, steps: Sequence[Record], field: str, scale: float, line: dict[str, Any]) -> None:
    """Draw the mean of consecutive records as a line, and their range as a band."""
    bins = [part for part in np.array_split(np.arange(len(steps)), BINS) if len(part)]
    values = [[scale * steps[index][field] for index in part] for part in bins]
    epochs = [np.mean([steps[index]["epoch"] for index in part]) for part in bins]
    low, high = [min(group) for group in values], [max(group) for group in values]
    axes.fill_between(epochs, low, high, color=line["color"], alpha=0.25, linewidth=0)
    axes.plot(epochs, [np.mean(group) for group in values], **line)
