"""Gradients that can be differentiated again: by recomputing with the equations, whatever engine went forward."""

from collections.abc import Sequence

import torch
from torch import Tensor

from palingen.recurrence.cells import Cell
from palingen.recurrence.unroll import Weights, unroll


def pack(inputs: Tensor, state: Sequence[Tensor], weights: Weights) -> tuple[Tensor, ...]:
    """All that a run depends on, in the one order in which autograd sees it."""
    return inputs, *state, weights.input, weights.hidden, weights.bias, *weights.extras


def unpack(cell: Cell, tensors: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor, ...], Weights]:
    """Inputs, state (empty where it started from rest) and weights out of `pack`."""
    inputs, *others = tensors
    *state, w_x, w_h, bias = others[: len(others) - len(cell.extras)]
    return inputs, tuple(state), Weights(w_x, w_h, bias, tuple(others[len(others) - len(cell.extras) :]))


def gradients_by_equations(
    cell: Cell, tensors: Sequence[Tensor], resets: Tensor | None, gradients: Sequence[Tensor | None]
) -> tuple[Tensor | None, ...]:
    """The gradient of each of `tensors`, as a part of the graph.

    Args:
        cell: the cell.
        tensors: as `pack` gives them.
        resets: where the state was forgotten, or None.
        gradients: of every part of the state at every step and of the last state; None where there is none.
    """
    inputs, state, weights = unpack(cell, tensors)
    with torch.enable_grad():
        ran = unroll(cell, weights, inputs, state or None, resets)
        pairs = zip((*ran.states, *ran.last), gradients, strict=True)
        arrived = [(out, grad) for out, grad in pairs if grad is not None]
        wanted = [tensor for tensor in tensors if tensor.requires_grad]
        found = iter(
            torch.autograd.grad(
                [out for out, _ in arrived],
                wanted,
                [grad for _, grad in arrived],
                create_graph=True,
                allow_unused=True,
            )
        )
    return tuple(next(found) if tensor.requires_grad else None for tensor in tensors)
