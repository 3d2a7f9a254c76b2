"""Gradients that can be differentiated again, for every engine: recomputed by the reference implementation."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from palingen.recurrence.cells import Cell
from palingen.recurrence.unroll import CellWeights, unroll


def pack(inputs: Tensor, state: Sequence[Tensor], weights: CellWeights) -> tuple[Tensor, ...]:
    """All tensors that a run depends on, in one tuple for autograd."""
    return inputs, *state, weights.weight_ih, weights.weight_hh, weights.bias, *weights.extra


def unpack(cell: Cell, tensors: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor, ...], CellWeights]:
    """Inputs, initial state (empty if it is zero) and weights from the tuple of `pack`."""
    num_state = len(tensors) - 4 - len(cell.extra_weights)  # inputs and three weights beside them
    inputs, *others = tensors
    state, (weight_ih, weight_hh, bias, *extra) = others[:num_state], others[num_state:]
    return inputs, tuple(state), CellWeights(weight_ih, weight_hh, bias, tuple(extra))


def reference_gradients(
    cell: Cell, tensors: Sequence[Tensor], reset_mask: Tensor | None, d_outputs: Sequence[Tensor | None]
) -> tuple[Tensor | None, ...]:
    """Gradient of each of `tensors`, as part of the graph; None for those that require none.

    Args:
        cell: the cell.
        tensors: tuple of `pack`.
        reset_mask: where the state was set to zero before a step.
        d_outputs: gradient of each part of the states, then of the final state; None where there is none.
    """

    def outputs(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        inputs, state, weights = unpack(cell, tensors)
        states, final_state = unroll(cell, weights, inputs, state or None, reset_mask)
        return *states, *final_state

    return differentiate(outputs, tuple(tensors), d_outputs)


def differentiate(
    outputs: Callable[[tuple[Tensor, ...]], Sequence[Tensor]],
    tensors: tuple[Tensor, ...],
    d_outputs: Sequence[Tensor | None],
) -> tuple[Tensor | None, ...]:
    """Gradient of each of `tensors`, as part of the graph; None for those that require none.

    Args:
        outputs: function of the tensors.
        tensors: its arguments.
        d_outputs: gradient of each of its results; None where there is none.
    """
    with torch.enable_grad():
        pairs = zip(outputs(tensors), d_outputs, strict=True)
        used = [(tensor, gradient) for tensor, gradient in pairs if gradient is not None]
        gradients = iter(
            torch.autograd.grad(
                [tensor for tensor, _ in used],
                [tensor for tensor in tensors if tensor.requires_grad],
                [gradient for _, gradient in used],
                create_graph=True,
                allow_unused=True,
            )
        )
    return tuple(next(gradients) if tensor.requires_grad else None for tensor in tensors)
