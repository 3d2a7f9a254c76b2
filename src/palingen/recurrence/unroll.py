"""Reference implementation: a cell unrolled over time, which every engine must equal.

B  sequences      T  steps      I  inputs      H  hidden units      GH  gates times H
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import linear

from palingen.recurrence.cells import Cell, State


class CellWeights(NamedTuple):
    """Weights of a recurrent layer, the gates stacked in the order of `Cell.gates`."""

    weight_ih: Float[Tensor, "GH I"]
    weight_hh: Float[Tensor, "GH H"]
    bias: Float[Tensor, " GH"]
    extra: tuple[Float[Tensor, " H"], ...] = ()
    """Extra weights of the cell, in the order of `Cell.extra_weights`."""


class RNNOutput(NamedTuple):
    """States at every step, and the final state."""

    states: tuple[Float[Tensor, "B T H"], ...]
    """Each part of the state, h first, after every step."""

    final_state: State
    """State after the last step."""


def unroll(
    cell: Cell,
    weights: CellWeights,
    inputs: Float[Tensor, "B T I"],
    state: State | None = None,
    reset_mask: Bool[Tensor, "B T"] | None = None,
) -> RNNOutput:
    """Run `cell` over all steps of `inputs`.

    Args:
        cell: the cell.
        weights: its weights.
        inputs: input sequences.
        state: initial state; zero by default.
        reset_mask: True where the state is set to zero before a step.
    """
    x_projs = linear(inputs.transpose(0, 1), weights.weight_ih, weights.bias)  # [T, B, GH], one product for all steps
    zero_state = (inputs.new_zeros(len(inputs), weights.weight_hh.shape[1]),) * len(cell.state)
    current = state or zero_state
    history = []
    for step, x_proj in enumerate(x_projs):
        if reset_mask is not None:
            current = tuple(part.masked_fill(reset_mask[:, step, None], 0) for part in current)
        starts_at_zero = state is None and step == 0  # W_h h(0) = 0 needs no product
        h_proj = torch.zeros_like(x_proj) if starts_at_zero else current[0] @ weights.weight_hh.T
        current = cell.step(x_proj, h_proj, current, *weights.extra)
        history.append(current)
    return RNNOutput(tuple(torch.stack(part, dim=1) for part in zip(*history, strict=True)), current)
