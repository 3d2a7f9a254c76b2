"""Overview: accuracy over the length, images of the generators, and interpolations in one figure."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from palingen.report.figures.gan import draw_interpolations, draw_snapshots
from palingen.report.figures.palindromes import draw_accuracy
from palingen.report.figures.style import SCREEN, Style, new_figure
from palingen.report.record_files import Record
from palingen.report.records import Images, Strip

TOP, ROW = 3.56, 1.42
"""Heights of the upper half, and of one interpolation, in inches."""


def overview(
    studies: Mapping[str, Sequence[Record]],
    grids: Mapping[str, Images],
    strips: Mapping[str, Strip],
    style: Style = SCREEN,
) -> Figure:
    """Both parts of the report at a glance.

    Args:
        studies: results of palindrome runs, by title.
        grids: images by title.
        strips: interpolations by name.
        style: look of the figure.
    """
    bottom = ROW * len(strips)
    with new_figure(14.5, TOP + bottom, style) as figure:
        upper, lower = figure.subfigures(2, 1, height_ratios=[TOP, bottom], squeeze=False)[:, 0]
        left, right = upper.subfigures(1, 2, width_ratios=[1.35, 2.1], squeeze=False)[0]
        draw_accuracy(left, studies)
        draw_snapshots(right, grids)
        draw_interpolations(lower, strips)
    return figure
