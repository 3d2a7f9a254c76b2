"""Figures of the analysis of trained cells: gates over time, and the gradient that reaches each step.

A record is as `palingen palindrome analyze` writes it: `label`, `cell`, `steps` (counted from 1; of a long sequence
some), `digits`, `gates` (gate to [steps, units]), `untrained` and `trained` (part of the state to [steps]).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from palingen.report.figures.style import COLOURS, DASHES, OTHER, SCREEN, Style, new_figure, power_ticks
from palingen.report.record_files import Record

GATES = {"f": "forget gate f(t)", "i": "input gate i(t)", "o": "output gate o(t)",
         "z": "update gate z(t)", "r": "reset gate r(t)"}  # fmt: skip

STAGES = {"untrained": "before training", "trained": "after training"}

MIN_NORM = 1e-40
"""Gradient norms below it are drawn at it, since the axis is logarithmic."""

MAX_DIGITS = 32
"""Steps up to which the digits are written along the axis."""

NUM_TICKS = 5
"""Labels of the axis, if only some steps are recorded."""


def gates_and_gradients(records: Sequence[Record], style: Style = SCREEN) -> Figure:
    """Gates of the first run that has some, and the gradient norm at each step of every run."""
    gated = _first_gated(records)
    if gated is None:
        return gradients(records, style)
    with new_figure(11, 6.8, style) as figure:
        upper, lower = figure.subfigures(2, 1, height_ratios=[1, 1.1], squeeze=False)[:, 0]
        _draw_gates(upper, gated)
        _draw_gradients(lower, records)
    return figure


def gates(records: Sequence[Record], style: Style = SCREEN) -> Figure:
    """Gates of the first run that has some, over one palindrome.

    Raises:
        ValueError: no run has gates.
    """
    gated = _first_gated(records)
    if gated is None:
        raise ValueError("records: none has gates. Give one of an LSTM or a GRU.")
    with new_figure(11, 3.7, style) as figure:
        _draw_gates(figure, gated)
    return figure


def gradients(records: Sequence[Record], style: Style = SCREEN) -> Figure:
    """Gradient norm of the loss at each step, before and after training."""
    with new_figure(11, 3.6, style) as figure:
        _draw_gradients(figure, records)
    return figure


def _first_gated(records: Sequence[Record]) -> Record | None:
    return next((record for record in records if record["gates"]), None)


def _draw_gates(figure: Figure | SubFigure, record: Record) -> None:
    steps = record["steps"]
    is_whole = len(steps) == steps[-1]
    row = figure.subplots(1, len(record["gates"]), sharey=True, squeeze=False)[0]
    for axes, (name, values) in zip(row, record["gates"].items(), strict=True):
        units = np.asarray(values).T
        edges = (0.5, len(steps) + 0.5, units.shape[0] + 0.5, 0.5)  # steps and units are counted from 1
        scale: dict[str, Any] = {"cmap": "viridis", "vmin": 0, "vmax": 1, "interpolation": "nearest"}
        image = axes.imshow(units, aspect="auto", extent=edges, **scale)
        axes.set(title=GATES.get(name, name), xlabel="t" if is_whole else f"t ({len(steps)} of {steps[-1]:,} steps)")
        axes.grid(visible=False)
        if is_whole and len(steps) <= MAX_DIGITS:
            axes.set_xticks(steps, labels=map(str, record["digits"]), fontsize="xx-small")
            axes.set_xlabel("digit at step t")
        elif not is_whole:  # some steps, one column each: not evenly spaced
            columns = np.linspace(0, len(steps) - 1, NUM_TICKS).round().astype(int)
            axes.set_xticks(columns + 1, labels=[f"{steps[column]:,}" for column in columns], fontsize="x-small")
    row[0].set(ylabel=f"hidden unit of {record['label']}")
    figure.colorbar(image, ax=list(row), label="activation", pad=0.01)


def _draw_gradients(figure: Figure | SubFigure, records: Sequence[Record]) -> None:
    row: Any = figure.subplots(1, 2, sharey=True)
    for axes, (stage, title) in zip(row, STAGES.items(), strict=True):
        for record in records:
            for part, norms in record[stage].items():
                dashes = DASHES[0] if part == "h" else DASHES[1]
                label = f"{record['label']}: ∂L/∂{part}(t)"
                colour = COLOURS.get(record["cell"], OTHER)
                axes.semilogy(record["steps"], np.maximum(norms, MIN_NORM), color=colour, linestyle=dashes, label=label)
        axes.set(title=f"Gradient at step t, {title}", xlabel="t")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        power_ticks(axes.yaxis)
    row[0].set(ylabel="mean norm")
    row[1].legend(loc="best")
