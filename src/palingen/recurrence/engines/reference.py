"""Reference engine: the plain loop of `unroll`, with optional gradient checkpointing."""

import math

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from palingen.recurrence.cells import Cell, State
from palingen.recurrence.unroll import CellWeights, RNNOutput, unroll


def unsupported_reason(cell: Cell, inputs: Tensor, hidden_size: int | None = None) -> str | None:
    """Return None: the reference engine supports everything."""
    return None


def run(
    cell: Cell,
    weights: CellWeights,
    inputs: Tensor,
    state: State | None,
    reset_mask: Tensor | None,
    *,
    recompute: bool = False,
) -> RNNOutput:
    """`unroll`; with `recompute`, in about sqrt(T) chunks that the backward pass recomputes (Chen et al. 2016)."""
    if not recompute:
        return unroll(cell, weights, inputs, state, reset_mask)
    chunks: list[RNNOutput] = []
    size = math.isqrt(inputs.shape[1])
    for start in range(0, inputs.shape[1], size):
        steps = slice(start, start + size)
        mask = None if reset_mask is None else reset_mask[:, steps]
        chunks.append(checkpoint(unroll, cell, weights, inputs[:, steps], state, mask, use_reentrant=False))
        state = chunks[-1].final_state
    states = tuple(torch.cat(part, dim=1) for part in zip(*(chunk.states for chunk in chunks), strict=True))
    return RNNOutput(states, chunks[-1].final_state)
