"""A cell over time, by its equations: the definition that every engine is held against.

B  sequences      T  steps      I  inputs      H  hidden units      GH  gates times H
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import linear

from palingen.recurrence.cells import Cell, State


class Weights(NamedTuple):
    """What a cell is run with."""

    input: Float[Tensor, "GH I"]
    hidden: Float[Tensor, "GH H"]
    bias: Float[Tensor, " GH"]
    extras: tuple[Float[Tensor, " H"], ...] = ()


class Unrolled(NamedTuple):
    """What became of the state."""

    states: tuple[Float[Tensor, "B T H"], ...]
    """Every h(t), and every other part of the state, after each step."""

    last: State
    """The state after the last step."""


def unroll(
    cell: Cell,
    weights: Weights,
    inputs: Float[Tensor, "B T I"],
    state: State | None = None,
    resets: Bool[Tensor, "B T"] | None = None,
) -> Unrolled:
    """Run `cell` over all steps of `inputs`, from `state` or from h(0) = c(0) = 0.

    The inputs' part needs no past, so one product serves all steps. Where `resets` is true, the state is forgotten
    before that step.
    """
    x_parts = linear(inputs.transpose(0, 1), weights.input, weights.bias)  # [T, B, GH]: a step's numbers lie together
    rest = inputs.new_zeros(len(inputs), weights.hidden.shape[1])
    now = state or (rest,) * len(cell.state)
    history = []
    for step, x_part in enumerate(x_parts):
        if resets is not None:
            now = tuple(part.masked_fill(resets[:, step, None], 0) for part in now)
        from_rest = state is None and step == 0  # W_h h(0) = 0 needs no product
        h_part = torch.zeros_like(x_part) if from_rest else now[0] @ weights.hidden.T
        now = cell.step(x_part, h_part, now, *weights.extras)
        history.append(now)
    return Unrolled(tuple(torch.stack(part, dim=1) for part in zip(*history, strict=True)), now)
