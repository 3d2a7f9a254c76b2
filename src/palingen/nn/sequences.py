"""Layout of sequences of different lengths: how a layer's inputs become steps, and its states become outputs.

B  sequences      T  steps, of the longest sequence      N  steps of all sequences      I  inputs      H  hidden units
D  directions, 1 or 2
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from palingen.recurrence.cells import State
from palingen.recurrence.engines.directions import LayerOutput
from palingen.recurrence.unroll import CellWeights, RNNOutput


class PackedSequences:
    """Sequences of different lengths, the longest first, as the data of a `PackedSequence` [N, I].

    They are padded to T steps at the end, in both directions. The state is reset before every step beyond the end of a
    sequence, so that it cannot grow without bound there and make its gradient, zero, undefined.

    Args:
        batch_sizes: number of sequences that have a step t, never rising.
        device: device of the data.
    """

    def __init__(self, batch_sizes: Int64[Tensor, " T"], device: torch.device) -> None:
        self._shape = len(batch_sizes), int(batch_sizes[0])
        exists = batch_sizes.unsqueeze(1) > torch.arange(self._shape[1])  # [T, B]
        lengths = exists.sum(0)
        step, sequence = exists.nonzero(as_tuple=True)
        reversed_step = lengths[sequence] - 1 - step
        self._rows = [(steps * self._shape[1] + sequence).to(device) for steps in (step, reversed_step)]
        self._last_step = (lengths - 1).to(device)
        self.reset_mask = (~exists.T).to(device)

    def run_directions(
        self,
        run: Callable[..., RNNOutput],
        weights: Sequence[CellWeights],
        inputs: Float[Tensor, "N I"],
        state: State | None,
    ) -> LayerOutput:
        """Outputs of a layer [N, D H], and each part of the final state [D, B, H].

        Args:
            run: states of a cell with given weights over padded inputs [B, T, I], from an initial state, with resets.
            weights: weights of each direction.
            inputs: packed inputs.
            state: initial state, each part [D, B, H]; zero by default.
        """
        hidden, final_states = [], []
        for direction, direction_weights in enumerate(weights):
            steps = self.steps(inputs, reverse=direction == 1).transpose(0, 1)
            initial = None if state is None else tuple(part[direction] for part in state)
            output = run(direction_weights, steps, initial, self.reset_mask)
            hidden.append(self.outputs(output.states[0], reverse=direction == 1))
            final_states.append(self.final_state(output))
        outputs = torch.cat(hidden, dim=-1) if len(hidden) > 1 else hidden[0]
        return outputs, tuple(torch.stack(parts) for parts in zip(*final_states, strict=True))

    def steps(self, inputs: Float[Tensor, "N I"], *, reverse: bool) -> Float[Tensor, "T B I"]:
        """Padded inputs in the order in which a direction reads them."""
        T, B = self._shape
        padded = inputs.new_zeros(T * B, inputs.shape[1]).index_copy(0, self._rows[reverse], inputs)
        return padded.view(T, B, -1)

    def outputs(self, states: Float[Tensor, "B T H"], *, reverse: bool) -> Float[Tensor, "N H"]:
        """Hidden states in the order of the packed inputs."""
        return states.transpose(0, 1).flatten(0, 1).index_select(0, self._rows[reverse])

    def final_state(self, output: RNNOutput) -> tuple[Tensor, ...]:
        """State after the last step of each sequence."""
        sequences = torch.arange(self._shape[1], device=self._last_step.device)
        return tuple(part[sequences, self._last_step] for part in output.states)
