"""The paper's figures: the same records as `figures`, drawn small enough for a page, as vectors."""

import io
import re
from collections.abc import Mapping, Sequence
from statistics import mean
from textwrap import fill
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullLocator

from palingen.report import arms, figures
from palingen.report.records import Game, Records, Run

PAPER: Any = {
    **figures.STYLE,
    "font.size": 8,
    "axes.titlesize": 8.5,
    "legend.fontsize": 7.5,
    "lines.linewidth": 1.1,
    "axes.linewidth": 0.6,
    "svg.hashsalt": "palingen",
    "svg.fonttype": "path",
}

WIDTH = 6.3
"""Inches, the width of the text."""

NAME_WIDTH = 52
"""Letters of an arm's name beside a plot, before it goes on in a new line."""

LIGHT = (1.0, 0.65, 0.4)
"""Opacity of the seeds, first to third."""


def svg(figure: Figure) -> bytes:
    """A figure as SVG; equal figures give equal bytes."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(PAPER):
        figure.savefig(buffer, format="svg", dpi=150, transparent=True, metadata={"Date": None, "Creator": None})
    return re.sub(rb"(\d\.\d\d\d)\d+", rb"\1", buffer.getvalue())  # a thousandth of a point is fine enough


def draw(records: Records) -> dict[str, bytes]:
    """Every figure of the paper, by name, as SVG."""
    with matplotlib.rc_context(PAPER):
        studies = {
            "The course's settings": [run.result for run in records.palindromes],
            "Recipe memory": records.memory["runs"],
        }
        drawn = {
            "memory": memory(studies),
            "learning": learning(records.palindromes),
            "gradients": gradients(records.inside),
            "gates": gates(records.inside),
            "game": game(records.games["course"].run.records),
        }
        if watched := {name: game.run.of("watch") for name, game in records.games.items() if game.run.of("watch")}:
            drawn["watch"] = watch(watched)
        if records.comparison:
            ended = arms.scored(arms.arms(records.comparison))
            drawn["comparison"] = comparison(ended, records.games["course"])
        return {name: svg(figure) for name, figure in drawn.items()}


def memory(studies: Mapping[str, figures.Records]) -> Figure:
    """How often each cell is right, over the palindrome's length."""
    figure = _figure(2.3)
    axes: Any = figure.subplots(1, len(studies))
    for place, (title, results) in zip(axes, studies.items(), strict=True):
        figures.draw_cells(place, title, results)
        place.set(ylabel="% right", xlabel="T, digits")
        lowest = 100 * min(result["accuracy"] for result in results)
        if lowest > 90:
            for word in place.texts:  # "guessing" is far below
                word.set_visible(False)
            place.set(ylim=(5 * (lowest // 5) - 1, 100.4), title=f"{title} (mind the axis)")
    return figure


def learning(palindromes: Sequence[Run]) -> Figure:
    """Right on unseen palindromes over epochs, every seed, where one cell succeeds and the other does not."""
    lengths = sorted({run.result["length"] for run in palindromes})[-2:]
    figure = _figure(3.1)
    axes: Any = figure.subplots(len(lengths), 2, sharex=True, sharey=True)
    for row, length in zip(axes, lengths, strict=True):
        for place, cell in zip(row, ("lstm", "rnn"), strict=True):
            runs = [run for run in palindromes if (run.result["cell"], run.result["length"]) == (cell, length)]
            for run, opacity in zip(runs, LIGHT, strict=False):
                epochs = run.of("epoch")
                shares = [100 * epoch["test_accuracy"] for epoch in epochs]
                look: dict[str, Any] = {"color": figures.COLOURS[cell], "alpha": opacity}
                place.plot([epoch["epoch"] for epoch in epochs], shares, label=f"seed {run.result['seed']}", **look)
            place.axhline(10, color="#888888", linewidth=0.7, linestyle=":")
            place.set(title=f"{cell.upper()}, T = {length}", ylim=(-3, 104), yticks=(0, 50, 100))
        row[0].set_ylabel("% right")
    for place in axes[-1]:
        place.set_xlabel("epoch")
    return figure


def gradients(looks: figures.Records) -> Figure:
    """How much of the loss's gradient reaches each step, before and after training."""
    figure = _figure(2.3)
    axes: Any = figure.subplots(1, 2, sharey=True)
    for place, moment in zip(axes, ("before", "after"), strict=True):
        for look in looks:
            for part, norms in look[moment].items():
                dashes = figures.DASHES[0] if part == "h" else figures.DASHES[1]
                name = f"{look['cell'].upper()}, ∂L/∂{part}(t)"
                colour = figures.COLOURS[look["cell"]]
                place.semilogy(np.arange(1, len(norms) + 1), norms, color=colour, linestyle=dashes, label=name)
        place.set(title=f"{moment} training", xlabel="t")
        place.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0].set_ylabel("mean norm")
    axes[1].legend(loc="upper left")
    return figure


def gates(looks: figures.Records) -> Figure:
    """The gates of one LSTM over one palindrome."""
    look = next(look for look in looks if look["gates"])
    names = {"i": "input gate i(t)", "f": "forget gate f(t)", "o": "output gate o(t)"}
    figure = _figure(2.4)
    axes: Any = figure.subplots(1, len(names), sharey=True)
    for place, (name, title) in zip(axes, names.items(), strict=True):
        units = np.asarray(look["gates"][name]).T
        edges = (0.5, units.shape[1] + 0.5, units.shape[0] + 0.5, 0.5)  # steps and units counted from 1
        shown: dict[str, Any] = {"cmap": "viridis", "vmin": 0, "vmax": 1, "interpolation": "nearest"}
        image = place.imshow(units, aspect="auto", extent=edges, **shown)
        place.set(title=title, xlabel="t")
        place.grid(visible=False)
    axes[0].set_ylabel("hidden unit")
    figure.colorbar(image, ax=axes, label="open", pad=0.01)
    return figure


def game(records: figures.Records) -> Figure:
    """Both players' losses, and how often the discriminator is right, with what a coin would get."""
    figure = _figure(2.3)
    losses, accuracy = figure.subplots(1, 2)
    steps = [record for record in records if record["kind"] == "step"]
    for axes, quantity, players, scale in (
        (losses, "loss", (("generator", figures.FAKE), ("discriminator", figures.REAL)), 1),
        (accuracy, "accuracy", (("real", figures.REAL), ("fake", figures.FAKE)), 100),
    ):
        for player, colour in players:
            _band(axes, steps, f"{player}_{quantity}", colour, player, scale)
        axes.set_xlabel("epoch")
    for player, colour, level in (("generator", figures.FAKE, np.log(2)), ("both", figures.REAL, 2 * np.log(2))):
        losses.axhline(float(level), color=colour, linewidth=0.7, linestyle=":", label=None if player else "")
    losses.set(title="Losses (dotted: no difference left)", ylabel="nats", ylim=(0, 5))
    accuracy.axhline(50, color="#888888", linewidth=0.7, linestyle=":")
    accuracy.set(title="The discriminator is right on", ylabel="%", ylim=(40, 102))
    losses.legend()
    accuracy.legend(loc="upper right")
    return figure


def watch(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Rough distance, coverage and recall while training."""
    figure = _figure(2.2)
    distance, cover = figure.subplots(1, 2)
    for name, dashes in zip(runs, figures.DASHES, strict=False):
        epochs = [record["epoch"] for record in runs[name]]
        distance.plot(
            epochs, [record["fd"] for record in runs[name]], "o", ls=dashes, color="#444444", ms=2.5, label=name
        )
        for field, colour in (("coverage", figures.REAL), ("recall", figures.FAKE)):
            shares = [record[field] for record in runs[name]]
            cover.plot(epochs, shares, "o", ls=dashes, color=colour, ms=2.5, label=f"{name}, {field}")
    distance.set(title="Fréchet distance", xlabel="epoch", yscale="log")
    cover.set(title="Coverage and recall", xlabel="epoch", ylim=(0, 1))
    for axes in (distance, cover):
        epochs = [record["epoch"] for record in next(iter(runs.values()))]
        axes.set_xscale("log")
        axes.set_xticks(epochs, labels=[f"{epoch:g}" for epoch in epochs])
        axes.minorticks_off()
        axes.legend(fontsize=6.5)
    _plain_ticks(distance.yaxis)
    return figure


def comparison(groups: arms.Arms, course: Game) -> Figure:
    """The Frechet distance of every seed of every arm, the nearest arm on top."""
    names = [fill(name, NAME_WIDTH) for name in groups]
    figure = _figure(0.7 + 0.16 * sum(1 + name.count("\n") for name in names) + 0.08 * len(names))
    axes = figure.subplots()
    for place, runs in enumerate(groups.values()):
        distances = [run["score"]["fd"] for run in runs]
        axes.scatter(distances, [place] * len(runs), s=14, color=figures.REAL, alpha=0.7, zorder=3)
        axes.scatter([mean(distances)], [place], s=60, marker="|", color=figures.REAL, zorder=3)
    axes.set_yticks(range(len(groups)), labels=names, fontsize=6.5)
    axes.set(xscale="log", xlabel="Fréchet distance to the test images, one dot a seed", ylim=(len(groups) - 0.4, -0.6))
    _plain_ticks(axes.xaxis)
    if course.score:
        axes.axvline(course.score["fd_floor"], color="#888888", linewidth=0.7, linestyle=":")
    return figure


def _plain_ticks(axis: Axis) -> None:
    """10, 20, 50 on a logarithmic axis instead of powers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FormatStrFormatter("%g"))
    axis.set_minor_locator(NullLocator())


def _figure(height: float) -> Figure:
    return Figure(figsize=(WIDTH, height), layout="constrained")


def _band(axes: Axes, steps: figures.Records, field: str, colour: str, label: str, scale: float) -> None:
    """The range within each epoch, and the mean."""
    epochs: dict[int, list[float]] = {}
    for record in steps:
        epochs.setdefault(int(np.ceil(record["epoch"])), []).append(scale * record[field])
    at = list(epochs)
    axes.fill_between(at, [min(found) for found in epochs.values()], [max(found) for found in epochs.values()],
                      color=colour, alpha=0.25, linewidth=0)  # fmt: skip
    axes.plot(at, [mean(found) for found in epochs.values()], color=colour, label=label)
