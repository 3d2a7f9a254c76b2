"""Layout operations of a traced step: they split or join the stacked gates, and need no C++ code.

A traced tensor [B, n H] is represented by its vectors: n C++ expressions, one for each H columns.
"""

from collections.abc import Callable
from itertools import accumulate
from typing import Any, NamedTuple

import torch
from torch.fx import Node

from palingen.recurrence.engines.tracing import TraceSize

aten = torch.ops.aten

Vectors = list[str]


class UnsupportedOperationError(Exception):
    """The step contains an operation without vector form; the message names it."""


def require_supported(condition: bool, node: Node) -> None:
    """Raise UnsupportedOperationError for `node` unless `condition` holds."""
    if not condition:
        raise UnsupportedOperationError(f"the step uses {node.target}{node.args}, which has no vector form")


def _cat(node: Node, operands: list[Any], size: TraceSize) -> Vectors:
    require_supported(node.args[-1] in (1, -1), node)
    return [vector for part in operands[0] for vector in part]


def _split(node: Node, operands: list[Any], size: TraceSize) -> list[Vectors]:
    vectors: Vectors = operands[0]
    arguments: tuple[Any, ...] = node.args
    require_supported(len(arguments) < 3 or arguments[2] in (1, -1), node)
    widths = arguments[1]
    if not isinstance(widths, list | tuple):
        widths = [widths] * (len(vectors) * size.H // widths)
    ends = [_gate_index(end, 0, len(vectors), node, size) for end in accumulate(widths)]
    return [vectors[end - width // size.H : end] for end, width in zip(ends, widths, strict=True)]


class _Bounds(NamedTuple):
    """Arguments of a slice after the tensor, with torch's defaults."""

    axis: Any = 0
    start: Any = None
    end: Any = None
    step: Any = 1


def _slice(node: Node, operands: list[Any], size: TraceSize) -> Vectors:
    vectors: Vectors = operands[0]
    return vectors[_gate_slice(_Bounds(*node.args[1:]), len(vectors), node, size)]


def _slice_backward(node: Node, operands: list[Any], size: TraceSize) -> Vectors:
    arguments: tuple[Any, ...] = node.args
    _, shape, *bounds = arguments
    width = shape[-1] // size.H
    padded = ["0.0f"] * width
    padded[_gate_slice(_Bounds(*bounds), width, node, size)] = operands[0]
    return padded


def _gate_slice(bounds: _Bounds, width: int, node: Node, size: TraceSize) -> slice:
    """Vectors that a slice selects: whole gates, of all sequences."""
    axis, start, end, step = bounds
    require_supported(step == 1, node)
    if axis == 0:
        require_supported(start in (0, None) and (end is None or end >= size.B), node)
        return slice(None)
    return slice(_gate_index(start, 0, width, node, size), _gate_index(end, width, width, node, size))


def _gate_index(column: Any, default: int, width: int, node: Node, size: TraceSize) -> int:
    """Gate that starts at a column of the stacked gates; the end of a slice may lie far beyond the last."""
    if column is None or column >= width * size.H:
        return default if column is None else width
    require_supported(column % size.H == 0, node)
    return int(column // size.H)


LAYOUT_OPS: dict[Any, Callable[[Node, list[Any], TraceSize], Any]] = {
    aten.cat: _cat,
    aten.split: _split,
    aten.split_with_sizes: _split,
    aten.slice: _slice,
    aten.slice_backward: _slice_backward,
}
"""Operation to a function of its node, its operands and the size of the trace; returns vectors, for a split a list."""
