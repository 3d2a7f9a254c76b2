"""Compiled engine: any pointwise cell, with its step and the step's gradient compiled, and little else in the loop.

One step is compiled, never the loop, so the time to compile does not depend on the length.

B  sequences      T  steps      I  inputs      H  hidden units
"""

import math
from typing import Any

import torch
from torch import Tensor

from palingen.recurrence.cells import Cell, State
from palingen.recurrence.engines.buffer_pool import BUFFER_POOL
from palingen.recurrence.engines.captures import frozen_reason
from palingen.recurrence.engines.compiled_passes import BackwardPass, ForwardPass
from palingen.recurrence.engines.double_backward import pack, reference_gradients, unpack
from palingen.recurrence.engines.tracing import untraceable_reason
from palingen.recurrence.unroll import CellWeights, RNNOutput

Tensors = tuple[Tensor, ...]


def unsupported_reason(cell: Cell, inputs: Tensor, hidden_size: int | None = None) -> str | None:
    """Reason why the step must not be compiled, or None: it reads values that would be frozen, or is not pure."""
    return frozen_reason(cell) or untraceable_reason(cell)


def run(
    cell: Cell,
    weights: CellWeights,
    inputs: Tensor,
    state: State | None,
    reset_mask: Tensor | None,
    *,
    recompute: bool = False,
) -> RNNOutput:
    """`unroll` with a compiled step; with `recompute`, the backward pass recomputes the projections."""
    num_states = len(cell.state)
    store = torch.is_grad_enabled() and not recompute
    arguments = pack(inputs, state or (), weights)
    chunks = _chunks(inputs.shape[1], recompute)
    outputs: Tensors = _CompiledFunction.apply(cell, reset_mask, chunks, store, *arguments)  # type: ignore[no-untyped-call]
    return RNNOutput(outputs[:num_states], outputs[num_states:])


class _CompiledFunction(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, cell: Cell, reset_mask: Tensor | None, chunks: list[range], store: bool, *tensors: Tensor
    ) -> Tensors:
        inputs, state, weights = unpack(cell, tensors)
        B, T, _ = inputs.shape
        states = tuple(inputs.new_empty(T + 1, B, weights.weight_hh.shape[1]) for _ in cell.state)
        for part, initial in zip(states, state or [inputs.new_zeros(())] * len(states), strict=True):
            part[0] = initial
        keep_mask = None if reset_mask is None else (~reset_mask.T).unsqueeze(2).to(inputs.dtype)
        forward_pass = ForwardPass(cell, inputs, weights, states, keep_mask, starts_at_zero=not state)
        ctx.projections = []
        for chunk in chunks:
            projections = forward_pass.run(chunk)
            if store:
                ctx.projections.append(projections)
            else:
                BUFFER_POOL.release(*projections)

        outputs = (*(part[1:].transpose(0, 1) for part in states), *(part[T].clone() for part in states))
        ctx.cell, ctx.reset_mask, ctx.chunks, ctx.states, ctx.keep_mask = cell, reset_mask, chunks, states, keep_mask
        ctx.save_for_backward(*tensors, *outputs[: len(states)])
        ctx.set_materialize_grads(False)
        return outputs

    @staticmethod
    def backward(ctx: Any, *d_outputs: Tensor | None) -> tuple[Tensor | None, ...]:
        cell, states = ctx.cell, ctx.states
        tensors = ctx.saved_tensors[: -len(states)]
        if torch.is_grad_enabled():  # double backward
            return None, None, None, None, *reference_gradients(cell, tensors, ctx.reset_mask, d_outputs)
        inputs, state, weights = unpack(cell, tensors)
        forward_pass = ForwardPass(cell, inputs, weights, states, ctx.keep_mask, starts_at_zero=not state)
        backward_pass = BackwardPass(forward_pass, d_outputs, with_inputs=ctx.needs_input_grad[4])
        for chunk in reversed(ctx.chunks):
            backward_pass.run(chunk, ctx.projections.pop() if ctx.projections else None)
        d_initial_state = backward_pass.d_state[: len(state)]
        d_extra = (part.sum(0) for part in backward_pass.d_extra)
        return None, None, None, None, backward_pass.d_inputs, *d_initial_state, *backward_pass.d_weights, *d_extra


def _chunks(T: int, recompute: bool) -> list[range]:
    """All steps in one chunk; in about sqrt(T) chunks if each is recomputed, which takes the least memory."""
    size = math.isqrt(T) if recompute else T
    return [range(start, min(start + size, T)) for start in range(0, T, size)]
