"""Figures of records, as PNG for screens and as SVG for the report: one function a figure, in either style."""

from palingen.report.figures.analysis import gates, gates_and_gradients, gradients
from palingen.report.figures.gan import gan_curves, interpolations, monitor_curves, snapshots
from palingen.report.figures.memory_span import memory_span
from palingen.report.figures.overview import overview
from palingen.report.figures.palindromes import accuracy_by_length, learning_curves, palindrome_curves
from palingen.report.figures.style import PAPER, SCREEN, Style, png, save, svg
from palingen.report.figures.variants import variants
from palingen.report.records import Strip

__all__ = [
    "PAPER",
    "SCREEN",
    "Strip",
    "Style",
    "accuracy_by_length",
    "gan_curves",
    "gates",
    "gates_and_gradients",
    "gradients",
    "interpolations",
    "learning_curves",
    "memory_span",
    "monitor_curves",
    "overview",
    "palindrome_curves",
    "png",
    "save",
    "snapshots",
    "svg",
    "variants",
]
