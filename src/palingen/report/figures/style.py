"""Styles of figures, and figures as PNG and SVG."""

import io
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogFormatterSciNotation, LogLocator, NullLocator
from numpy import ndarray

from palingen.report.values import SUPERSCRIPTS
from palingen.runtime.atomic_io import write_atomically

COLOURS = {"lstm": "#1f5fa8", "rnn": "#d1602b", "gru": "#3a8f5c", "peephole": "#8454a3"}
"""One colour a cell, the same in every figure, distinguishable for the colour-blind."""

OTHER = "#444444"
"""Colour of a cell that is not listed."""

REAL, FAKE = "#1f5fa8", "#d1602b"

GUIDE: dict[str, Any] = {"color": "#888888", "linewidth": 0.8, "linestyle": ":"}
"""Line of a reference level, such as chance."""

DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)))

DPI = 130
"""Pixels per inch of a PNG."""

_BASE = {
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "text.parse_math": False,  # a run's name with dollar signs is a name
}


@dataclass(frozen=True)
class Style:
    """Look of a figure: matplotlib's settings, and the width to which the report scales it."""

    settings: Any  # matplotlib's type lists every key

    width: float | None = None
    """Width of every figure in inches; None keeps each figure's own width."""

    def apply(self) -> AbstractContextManager[None]:
        """Context in which matplotlib draws in this style."""
        return matplotlib.rc_context(self.settings)


SCREEN = Style({**_BASE, "font.size": 10, "axes.titlesize": 11, "legend.fontsize": 9})
"""For README, notebooks and run folders."""

PAPER = Style(
    {
        **_BASE,
        "font.size": 8,
        "axes.titlesize": 8.5,
        "legend.fontsize": 7.5,
        "lines.linewidth": 1.1,
        "axes.linewidth": 0.6,
        "svg.hashsalt": "palingen",
        "svg.fonttype": "path",
    },
    width=6.3,
)
"""For the report, at the width of its text."""


class StyledFigure(Figure):
    """Figure that keeps its style, and shows itself as PNG in a notebook."""

    style: Style = SCREEN

    def _repr_png_(self) -> bytes:
        return png(self)


@contextmanager
def new_figure(width: float, height: float, style: Style) -> Iterator[StyledFigure]:
    """Empty figure in a style, scaled to the style's width.

    Args:
        width: in inches on a screen.
        height: in inches on a screen.
        style: look of the figure; everything drawn within the context has it.
    """
    scale = style.width / width if style.width else 1.0
    with style.apply():
        figure = StyledFigure(figsize=(scale * width, scale * height), layout="constrained")
        figure.style = style
        yield figure


def png(figure: Figure) -> bytes:
    """Figure as PNG; equal figures give equal bytes."""
    return _render(figure, format="png", dpi=DPI, metadata={"Software": None})


def svg(figure: Figure) -> bytes:
    """Figure as SVG with a transparent background; equal figures give equal bytes."""
    content = _render(figure, format="svg", dpi=150, transparent=True, metadata={"Date": None, "Creator": None})
    return re.sub(rb"(\d\.\d\d\d)\d+", rb"\1", content)  # a thousandth of a point is fine enough


def save(path: Path, figure: Figure) -> None:
    """Write a figure as PNG, atomically; equal figures give equal bytes."""
    write_atomically(path, png(figure))


def show_image(axes: Axes, pixels: UInt8[ndarray, "H W"]) -> None:
    """Draw grey levels without axes."""
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


class PowerFormatter(LogFormatterSciNotation):
    """Powers of ten as plain text: figures parse no mathematics, since a name may hold dollar signs."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Text beside a tick."""
        text = super().__call__(x, pos)
        parts = re.fullmatch(r"\$\\mathdefault\{(?:(.+)\\times)?10\^\{(-?\d+)\}\}\$", text)
        if not parts:
            return text
        factor = f"{parts[1]} \N{MULTIPLICATION SIGN} " if parts[1] else ""
        return f"{factor}10{parts[2].translate(SUPERSCRIPTS)}"


def power_ticks(axis: Axis) -> None:
    """Label a logarithmic axis with powers of ten, and within a single decade with multiples of them."""
    axis.set_major_formatter(PowerFormatter())
    axis.set_minor_formatter(PowerFormatter(labelOnlyBase=False))


def plain_log_ticks(axis: Axis) -> None:
    """Label a logarithmic axis with 10, 20, 50, 1,000 instead of powers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_locator(NullLocator())


def _render(figure: Figure, **options: Any) -> bytes:
    buffer = io.BytesIO()
    style = figure.style if isinstance(figure, StyledFigure) else SCREEN
    with style.apply():  # ticks are made when the figure is drawn
        figure.savefig(buffer, **options)
    figure.set_layout_engine("none")  # a second layout would start from the first and differ by a pixel
    return buffer.getvalue()
