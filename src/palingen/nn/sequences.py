"""Layouts of a batch of sequences: how every layer's inputs become steps, and its states become outputs.

B  sequences      T  steps, of the longest sequence      N  steps of all sequences      I  inputs      H  hidden units
"""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from palingen.recurrence.unroll import RNNOutput


class DenseSequences:
    """Sequences of equal length, as [T, B, I]."""

    reset_mask: Bool[Tensor, "B T"] | None = None

    def steps(self, inputs: Float[Tensor, "T B I"], *, reverse: bool) -> Float[Tensor, "T B I"]:
        """Inputs in the order in which a direction reads them."""
        return inputs.flip(0) if reverse else inputs

    def outputs(self, states: Float[Tensor, "B T H"], *, reverse: bool) -> Float[Tensor, "T B H"]:
        """Hidden states in the order of the inputs."""
        return self.steps(states.transpose(0, 1), reverse=reverse)

    def final_state(self, output: RNNOutput) -> tuple[Tensor, ...]:
        """State after the last step of each sequence."""
        return output.final_state


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


Sequences = DenseSequences | PackedSequences
