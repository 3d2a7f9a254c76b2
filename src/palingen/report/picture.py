"""A figure as a picture: the same bytes in its file and in a notebook."""

import io

from matplotlib.figure import Figure

DPI = 130
"""Pixels an inch."""


def png(figure: Figure) -> bytes:
    """A figure as a PNG; equal figures give equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


class Picture(Figure):
    """A figure that a notebook shows when it is the last value of a cell."""

    _repr_png_ = png
