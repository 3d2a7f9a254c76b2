"""A cell over time, by its equations: the definition that everything faster is held against.

B  sequences      T  steps      I  inputs      H  hidden units      GH  gates times H
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import linear

from palingen.recurrence.cells import Cell, State


def unroll(
    cell: Cell,
    inputs: Float[Tensor, "B T I"],
    state: State | None,
    input_weight: Float[Tensor, "GH I"],
    hidden_weight: Float[Tensor, "GH H"],
    bias: Float[Tensor, " GH"],
    extras: Sequence[Float[Tensor, " H"]] = (),
) -> tuple[Float[Tensor, "B T H"], State]:
    """Run `cell` from `state`, or from h(0) = c(0) = 0, over all steps of `inputs`; every h(t) and the last state.

    The inputs' part needs no past, so one product serves all steps.
    """
    x_parts = linear(inputs.transpose(0, 1), input_weight, bias)  # [T, B, GH]: a step's numbers lie together
    now: State = state or tuple(inputs.new_zeros(len(inputs), hidden_weight.shape[1]) for _ in cell.state)
    hidden = []
    for step, x_part in enumerate(x_parts):
        from_rest = state is None and step == 0  # W_h h(0) = 0 needs no product
        h_part = torch.zeros_like(x_part) if from_rest else now[0] @ hidden_weight.T
        now = cell.step(x_part, h_part, now, *extras)
        hidden.append(now[0])
    return torch.stack(hidden, dim=1), now
