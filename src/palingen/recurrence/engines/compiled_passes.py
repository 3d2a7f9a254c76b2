"""Forward and backward pass of the compiled engine, with as little as possible in the time loop.

The projections of all inputs are one product before the loop. The forward loop keeps only W_h h and the step, the
backward loop only the chain of dL/dh; the weight gradients are products over all steps after it.

B  sequences      T  steps      I  inputs      H  hidden units      GH  gates times H      C  steps of a chunk
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from palingen.recurrence.cells import Cell
from palingen.recurrence.engines.buffer_pool import BUFFER_POOL
from palingen.recurrence.engines.compiled_step import Kernel, compiled_kernels, uses_only_sum
from palingen.recurrence.unroll import CellWeights

Tensors = tuple[Tensor, ...]


@dataclass(frozen=True)
class ForwardPass:
    """Forward pass over the chunks of a sequence."""

    cell: Cell
    inputs: Tensor
    """[B, T, I]."""

    weights: CellWeights
    states: Tensors
    """Each part of the state [T + 1, B, H], the initial one first."""

    keep_mask: Tensor | None
    """[T, B, 1], 0 where the state is set to zero before a step."""

    starts_at_zero: bool
    """Whether the initial state is zero, so that W_h h(0) needs no product."""

    @property
    def kernels(self) -> tuple[Kernel, Kernel]:
        """Compiled step and gradient."""
        B, H = self.states[0].shape[1:]
        return compiled_kernels(self.cell, B, H, self.inputs.dtype, self.inputs.device)

    def run(self, chunk: range) -> Tensors:
        """Compute the states of a chunk; return its projections [C, B, GH]."""
        step, _ = self.kernels
        projections = self.project_inputs(chunk)
        for t in chunk:
            current = self.add_recurrent_product(projections, chunk, t)
            step(*current, *self.previous_state(t), *self.weights.extra, *(part[t + 1] for part in self.states))
        return projections

    def project_inputs(self, chunk: range) -> Tensors:
        """Projections [C, B, GH]: x_proj, and uninitialised h_proj unless the cell uses only their sum."""
        shape = (len(chunk), len(self.inputs), len(self.weights.bias))
        x_projs = BUFFER_POOL.acquire(shape, self.inputs)
        rows = self.inputs[:, chunk.start : chunk.stop].transpose(0, 1).reshape(-1, self.inputs.shape[2])
        torch.addmm(self.weights.bias, rows, self.weights.weight_ih.T, out=x_projs.view(len(rows), -1))
        return (x_projs,) if uses_only_sum(self.cell) else (x_projs, BUFFER_POOL.acquire(shape, self.inputs))

    def add_recurrent_product(self, projections: Tensors, chunk: range, t: int) -> Tensors:
        """Projections [B, GH] of step t, with W_h h(t-1) added to x_proj or written to h_proj."""
        current = at_step(projections, chunk, t)
        weight_hh = self.weights.weight_hh
        if t == 0 and self.starts_at_zero:
            if len(current) == 2:
                current[1].zero_()
        elif len(current) == 2:
            torch.mm(self.previous_state(t)[0], weight_hh.T, out=current[1])
        else:
            current[0].addmm_(self.previous_state(t)[0], weight_hh.T)
        return current

    def previous_state(self, t: int) -> Tensors:
        """State before step t, after the reset if there is one."""
        return tuple(part[t] if self.keep_mask is None else part[t] * self.keep_mask[t] for part in self.states)


class BackwardPass:
    """Backward pass over the chunks of a sequence, the last chunk first.

    Attributes:
        d_inputs: gradient of the inputs [B, T, I], or None.
        d_weights: gradients of weight_ih, weight_hh and bias.
        d_extra: gradients of the extra weights [B, H], not yet summed over the sequences.
        d_state: gradient of the state [B, H] before the earliest step so far; in the end, of the initial state.

    Args:
        forward_pass: forward pass of the same sequence.
        d_outputs: gradient of each part of the states [B, T, H], then of the final state [B, H]; None if there is none.
        with_inputs: whether the inputs need a gradient.
    """

    def __init__(self, forward_pass: ForwardPass, d_outputs: Sequence[Tensor | None], *, with_inputs: bool) -> None:
        self.forward_pass = forward_pass
        inputs, states, weights = forward_pass.inputs, forward_pass.states, forward_pass.weights
        self._d_states, d_final_state = d_outputs[: len(states)], d_outputs[len(states) :]
        self.d_inputs = torch.empty_like(inputs) if with_inputs else None
        self.d_weights = tuple(
            torch.zeros_like(weight, memory_format=torch.contiguous_format) for weight in weights[:3]
        )
        self._extra = tuple(extra.expand(len(inputs), -1).contiguous() for extra in weights.extra)
        self.d_extra = tuple(torch.zeros_like(part) for part in self._extra)
        self.d_state = tuple(
            torch.zeros_like(part[0]) if gradient is None else gradient.clone(memory_format=torch.contiguous_format)
            for part, gradient in zip(states, d_final_state, strict=True)
        )
        self._d_previous = tuple(torch.empty_like(part) for part in self.d_state)

    def run(self, chunk: range, stored: Tensors | None) -> None:
        """Go back through a chunk.

        Args:
            chunk: its steps.
            stored: its projections from the forward pass; None recomputes them.
        """
        forward_pass = self.forward_pass
        projections = stored or forward_pass.project_inputs(chunk)
        d_projections = tuple(BUFFER_POOL.acquire(part.shape, part) for part in projections)
        for t in reversed(chunk):
            current = at_step(projections, chunk, t)
            if not stored:
                forward_pass.add_recurrent_product(projections, chunk, t)
            self._run_step(t, current, at_step(d_projections, chunk, t))
        self._add_products(chunk, d_projections)
        BUFFER_POOL.release(*projections, *d_projections)

    def _run_step(self, t: int, current: Tensors, d_current: Tensors) -> None:
        """Write the gradients of a step's projections to `d_current`, and of the state before it to `d_state`."""
        forward_pass, keep_mask = self.forward_pass, self.forward_pass.keep_mask
        _, gradient = forward_pass.kernels
        for part, d_output in zip(self.d_state, self._d_states, strict=True):
            if d_output is not None:
                part += d_output[:, t]
        previous = forward_pass.previous_state(t)
        gradient(*current, *previous, *self._extra, *self.d_state, *d_current, *self._d_previous, *self.d_extra)
        self.d_state, self._d_previous = self._d_previous, self.d_state
        if t > 0 or not forward_pass.starts_at_zero:
            self.d_state[0].addmm_(d_current[-1], forward_pass.weights.weight_hh)
        if keep_mask is not None:
            for part in self.d_state:
                part *= keep_mask[t]

    def _add_products(self, chunk: range, d_projections: Tensors) -> None:
        """Add a chunk to the weight gradients, and write its input gradients."""
        forward_pass, steps = self.forward_pass, slice(chunk.start, chunk.stop)
        hidden, keep_mask = forward_pass.states[0][steps], forward_pass.keep_mask
        _add_outer(self.d_weights[0], d_projections[0], forward_pass.inputs[:, steps].transpose(0, 1))
        _add_outer(self.d_weights[1], d_projections[-1], hidden if keep_mask is None else hidden * keep_mask[steps])
        self.d_weights[2].add_(d_projections[0].sum((0, 1)))
        if self.d_inputs is not None:
            self.d_inputs[:, steps] = (d_projections[0] @ forward_pass.weights.weight_ih).transpose(0, 1)


def at_step(projections: Tensors, chunk: range, t: int) -> Tensors:
    """Projections [B, GH] of step t."""
    return tuple(part[t - chunk.start] for part in projections)


def _add_outer(total: Tensor, gradients: Tensor, operands: Tensor) -> None:
    """Add the outer products of all steps and sequences, in one product."""
    total.addmm_(gradients.flatten(0, 1).T, operands.flatten(0, 1))
