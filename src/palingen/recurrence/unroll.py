"""A cell over time, by its equations: the definition that everything faster is held against.

B  sequences      T  steps      I  inputs      H  hidden units      GH  gates times H
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from palingen.recurrence.cells import Cell, State


def unroll(
    cell: Cell,
    inputs: Float[Tensor, "B T I"],
    state: State,
    input_weight: Float[Tensor, "GH I"],
    hidden_weight: Float[Tensor, "GH H"],
    bias: Float[Tensor, " GH"],
    extras: Sequence[Float[Tensor, " H"]] = (),
) -> tuple[Float[Tensor, "B T H"], State]:
    """Run `cell` from `state` over all steps of `inputs`; every h(t) and the last state.

    The inputs' part needs no past, so one product serves all steps.
    """
    x_parts = torch.nn.functional.linear(inputs, input_weight, bias)
    hidden = []
    for x_part in x_parts.unbind(dim=1):
        state = cell.step(x_part, state[0] @ hidden_weight.T, state, *extras)
        hidden.append(state[0])
    return torch.stack(hidden, dim=1), state
