"""Call of the native engine: its arguments beside the tensors, and the order of the tensors that autograd sees."""

from typing import NamedTuple

import torch
from torch import Tensor

from palingen.recurrence.cells import Cell, State
from palingen.recurrence.engines.directions import run_directions
from palingen.recurrence.engines.native.library import CompiledCell
from palingen.recurrence.unroll import CellWeights, RNNOutput, unroll

Tensors = tuple[Tensor, ...]


class Call(NamedTuple):
    """Run of a cell over inputs [T, B, I], or a layer of one or two directions.

    Its tensors are the inputs, each part of the initial state unless it is zero, and the weights of each direction.
    """

    cell: Cell
    code: CompiledCell
    reset_mask: Tensor | None = None
    recompute: bool = False
    is_layer: bool = False
    """Whether of the states at every step h alone is returned, of all directions side by side, in memory of its own;
    parts of the initial and the final state are then [D, B, H], else [B, H]."""

    directions: int = 1

    def unpack(self, tensors: Tensors) -> tuple[Tensor, Tensors, list[CellWeights]]:
        """Inputs, initial state (empty if it is zero) and weights of each direction."""
        count = 3 + len(self.cell.extra_weights)
        first = len(tensors) - self.directions * count
        starts = range(first, len(tensors), count)
        weights = [CellWeights(tensors[i], tensors[i + 1], tensors[i + 2], tensors[i + 3 : i + count]) for i in starts]
        return tensors[0], tensors[1:first], weights

    def reference(self, tensors: Tensors) -> Tensors:
        """Outputs by the reference implementation."""
        inputs, state, weights = self.unpack(tensors)
        if not self.is_layer:
            states, final_state = self._unroll(weights[0], inputs.transpose(0, 1), state or None)
            return *(part.transpose(0, 1) for part in states), *final_state
        hidden, final_state = run_directions(self._unroll, weights, inputs, state or None)
        return hidden, *final_state

    def _unroll(self, weights: CellWeights, inputs: Tensor, state: State | None) -> RNNOutput:
        return unroll(self.cell, weights, inputs, state, self.reset_mask)


def weight_tensors(weights: CellWeights) -> Tensors:
    """Weights of a direction in the order of `Call.unpack`."""
    return weights.weight_ih, weights.weight_hh, weights.bias, *weights.extra


def keep_mask(reset_mask: Tensor | None) -> Tensor | None:
    """0 where the state is reset before a step, else 1 [T + 1, B]."""
    if reset_mask is None:
        return None
    return torch.cat([~reset_mask.T, reset_mask.new_ones(1, len(reset_mask))]).float()
