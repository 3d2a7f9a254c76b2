"""The plain loop of `unroll.py` as an engine."""

import math

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from palingen.recurrence.cells import Cell, State
from palingen.recurrence.unroll import Unrolled, Weights, unroll


def missing(cell: Cell, inputs: Tensor) -> str | None:
    """Why the equations cannot run this: they can run everything."""
    return None


def run(
    cell: Cell, weights: Weights, inputs: Tensor, state: State | None, resets: Tensor | None, *, recompute: bool = False
) -> Unrolled:
    """As `unroll`; with `recompute`, in about sqrt(T) pieces that are made again (Chen et al. 2016)."""
    if not recompute:
        return unroll(cell, weights, inputs, state, resets)
    pieces, size = [], math.isqrt(inputs.shape[1])
    for first in range(0, inputs.shape[1], size):
        steps = slice(first, first + size)
        forgotten = None if resets is None else resets[:, steps]
        pieces.append(checkpoint(unroll, cell, weights, inputs[:, steps], state, forgotten, use_reentrant=False))
        state = pieces[-1].last
    states = tuple(torch.cat(part, dim=1) for part in zip(*(piece.states for piece in pieces), strict=True))
    return Unrolled(states, pieces[-1].last)
