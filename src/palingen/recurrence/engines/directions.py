"""Layer of one or two directions of a cell over dense sequences, as defined by runs of each.

B  sequences      T  steps      I  inputs      H  hidden units      D  directions, 1 or 2
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from palingen.recurrence.cells import State
from palingen.recurrence.unroll import CellWeights, RNNOutput

LayerOutput = tuple[Tensor, State]
"""Hidden states in the order of the inputs [T, B, D H], and each part of the final state [D, B, H]."""


def run_directions(
    run: Callable[[CellWeights, Tensor, State | None], RNNOutput],
    weights: Sequence[CellWeights],
    inputs: Float[Tensor, "T B I"],
    state: State | None,
) -> LayerOutput:
    """Outputs of a layer whose second direction, if there is one, reads the inputs from their end.

    Args:
        run: states of a cell with given weights over inputs [B, T, I], from an initial state.
        weights: weights of each direction.
        inputs: input sequences.
        state: initial state, each part [D, B, H]; zero by default.
    """
    hidden, final_states = [], []
    for direction, direction_weights in enumerate(weights):
        steps = inputs.flip(0) if direction else inputs
        initial = None if state is None else tuple(part[direction] for part in state)
        output = run(direction_weights, steps.transpose(0, 1), initial)
        states = output.states[0].transpose(0, 1)
        hidden.append(states.flip(0) if direction else states)
        final_states.append(output.final_state)
    outputs = torch.cat(hidden, dim=-1) if len(hidden) > 1 else hidden[0].clone(memory_format=torch.contiguous_format)
    return outputs, tuple(torch.stack(parts) for parts in zip(*final_states, strict=True))
