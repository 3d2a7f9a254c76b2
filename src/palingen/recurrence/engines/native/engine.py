"""Native engine: the whole time loop in C++ (`recurrence.cpp`), compiled at first use; float32 on a CPU.

B  sequences      T  steps      I  inputs      H  hidden units      HP  H padded to whole vectors
KP  length of [h | x | 1], padded likewise      GHP  gates times HP
"""

import ctypes
import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from palingen.recurrence.cells import Cell, State
from palingen.recurrence.engines.buffer_pool import BUFFER_POOL, PooledBuffer
from palingen.recurrence.engines.double_backward import pack, reference_gradients, unpack
from palingen.recurrence.engines.native.arguments import (
    MAX_THREADS,
    GradientArgs,
    Pointer,
    SequenceArgs,
    pointer,
    pointers,
    run_sizes,
    strides,
)
from palingen.recurrence.engines.native.library import load_cell
from palingen.recurrence.unroll import CellWeights, RNNOutput
from palingen.runtime.torch_private import forward_gradients_enabled

Tensors = tuple[Tensor, ...]

MIN_POOLED = 1 << 18
"""Floats of a buffer that is worth keeping for the next training step; the system gives a smaller one as quickly."""


class _Call(NamedTuple):
    """Arguments of a run beside its tensors."""

    cell: Cell
    reset_mask: Tensor | None
    recompute: bool
    hidden_only: bool
    precision: str

    @property
    def library(self) -> ctypes.CDLL:
        """Compiled code."""
        return load_cell(self.cell, self.precision)


def run(
    cell: Cell,
    weights: CellWeights,
    inputs: Tensor,
    state: State | None,
    reset_mask: Tensor | None,
    *,
    recompute: bool = False,
    hidden_only: bool = False,
    precision: str = "float32",
) -> RNNOutput:
    """`unroll` in C++; with `recompute`, the backward pass recomputes each step instead of reading saved values.

    With `hidden_only`, h is the only state that is returned, in memory of its own, and without gradients the only one
    that is kept. With `precision` bfloat16, the factors of all products are rounded; sums, states, gates and second
    derivatives are in float32.
    """
    call = _Call(cell, reset_mask, recompute, hidden_only, precision)
    tensors = pack(inputs, state or (), weights)
    is_differentiable = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    if is_differentiable or forward_gradients_enabled():
        outputs: Tensors = _NativeFunction.apply(call, *tensors)  # type: ignore[no-untyped-call]
    else:
        outputs = _forward(call, tensors, None, keep=not hidden_only).outputs
    states, final_state = outputs[: -len(cell.state)], outputs[-len(cell.state) :]
    return RNNOutput(tuple(part.transpose(0, 1) for part in states), final_state)


class _Memory(NamedTuple):
    """Tensors that only their addresses in `SequenceArgs` refer to; shapes in `arguments.h`."""

    contiguous: Tensors
    """Weights and initial state."""

    extra_weights: Any
    """Addresses of the extra weights."""

    pooled: PooledBuffer | None
    keep_mask: Tensor | None
    gate_inputs: Tensor | None
    other_states: Tensor | None
    hidden_states: Tensor | None


class _Forward(NamedTuple):
    """Result of a forward pass, and what the backward pass needs."""

    outputs: Tensors
    """Each part of the state at every step [T, B, H], h alone with `hidden_only`, then of the final state [B, H]."""

    arguments: SequenceArgs
    memory: _Memory


def _forward(call: _Call, tensors: Tensors, saved_values: Tensor | None, *, keep: bool) -> _Forward:
    """Run the forward pass; `keep` says whether the states of every step are read afterwards."""
    cell = call.cell
    inputs, state, weights = unpack(cell, tensors)
    library = call.library
    sizes = T, B, H, _, HP, KP = run_sizes(inputs, weights.weight_hh.shape[1], library.floats_per_vector())
    extra = [weight.contiguous() for weight in weights.extra]
    state = tuple(part if part.stride(1) == 1 else part.contiguous() for part in state)
    packed = (weights.weight_hh.contiguous(), weights.weight_ih.contiguous(), weights.bias.contiguous())
    pooled, gate_inputs, other_states = None, None, None
    if keep:
        shapes = (T + 1, B, KP), (len(cell.state) - 1, T + 1, B, HP)
        counts = [math.prod(shape) for shape in shapes]
        if call.hidden_only and sum(counts) >= MIN_POOLED:
            pooled = PooledBuffer(sum(counts), inputs)
            gate_inputs, other_states = map(Tensor.view, pooled.memory.split(counts), shapes)
        else:
            gate_inputs, other_states = map(inputs.new_empty, shapes)
    memory = _Memory(
        contiguous=(*packed, *extra, *state),
        extra_weights=(Pointer * len(extra))(*map(pointer, extra)),
        pooled=pooled,
        keep_mask=_keep_mask(call.reset_mask),
        gate_inputs=gate_inputs,
        other_states=other_states,
        hidden_states=inputs.new_empty(T, B, H) if call.hidden_only or call.reset_mask is not None else None,
    )
    final_state = tuple(inputs.new_empty(B, H) for _ in cell.state)
    arguments = SequenceArgs(
        *sizes,
        *map(pointer, packed),
        ctypes.addressof(memory.extra_weights),
        *(pointer(inputs), inputs.stride(1), inputs.stride(0), inputs.stride(2)),
        *(pointers(state), strides(state, 0), T + 1 if keep else 2),
        *map(pointer, (memory.gate_inputs, memory.other_states, saved_values)),
        *(pointer(memory.keep_mask), pointer(memory.hidden_states), pointers(final_state)),
        min(torch.get_num_threads(), MAX_THREADS),
    )
    library.cell_forward(ctypes.byref(arguments))
    return _Forward((*_states(call, memory, H), *final_state), arguments, memory)


def _keep_mask(reset_mask: Tensor | None) -> Tensor | None:
    """0 where the state is reset before a step, else 1 [T + 1, B]."""
    if reset_mask is None:
        return None
    return torch.cat([~reset_mask.T, reset_mask.new_ones(1, len(reset_mask))]).float()


def _states(call: _Call, memory: _Memory, H: int) -> Tensors:
    """States at every step [T, B, H]."""
    if call.hidden_only or memory.gate_inputs is None or memory.other_states is None:
        assert memory.hidden_states is not None
        return (memory.hidden_states,)
    hidden = memory.gate_inputs[1:] if memory.hidden_states is None else memory.hidden_states
    return tuple(part[..., :H] for part in (hidden, *memory.other_states[:, 1:]))


class _NativeFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, call: _Call, *tensors: Tensor) -> Tensors:
        inputs, cell = tensors[0], call.cell
        saved_values = None
        if not call.recompute:
            weight_hh, library = tensors[-2 - len(cell.extra_weights)], call.library
            sizes = run_sizes(inputs, weight_hh.shape[1], library.floats_per_vector())
            shape = sizes.T, sizes.B, sizes.HP * library.saved_floats_per_unit()
            is_large = torch.Size(shape).numel() >= MIN_POOLED
            saved_values = BUFFER_POOL.acquire(shape, inputs) if is_large else inputs.new_empty(shape)
        result = _forward(call, tensors, saved_values, keep=True)
        ctx.call, ctx.arguments, ctx.memory, ctx.saved_values = call, result.arguments, result.memory, saved_values
        # States that lie in the buffers must not be changed before the backward pass.
        ctx.num_tensors = len(tensors)
        ctx.save_for_backward(*tensors, *(() if call.hidden_only else result.outputs[: len(cell.state)]))
        ctx.set_materialize_grads(False)
        return result.outputs

    @staticmethod
    def backward(ctx: Any, *d_outputs: Tensor | None) -> tuple[Tensor | None, ...]:
        call, cell, num_states = ctx.call, ctx.call.cell, len(ctx.call.cell.state)
        tensors = ctx.saved_tensors[: ctx.num_tensors]
        d_states = [*d_outputs[:-num_states], *[None] * (num_states - 1 if call.hidden_only else 0)]
        d_final_state = [*d_outputs[-num_states:]]
        if torch.is_grad_enabled():  # double backward
            d_outputs = (
                *(d_state if d_state is None else d_state.transpose(0, 1) for d_state in d_states),
                *d_final_state,
            )
            return None, *reference_gradients(cell, tensors, call.reset_mask, d_outputs)
        inputs, state, weights = unpack(cell, tensors)
        s = ctx.arguments
        s.saved_values = pointer(ctx.saved_values)  # null in a second backward pass, which recomputes
        d_states = [grad if grad is None or grad.stride(2) in (0, 1) else grad.contiguous() for grad in d_states]
        d_final_state = [grad if grad is None else grad.contiguous() for grad in d_final_state]
        d_weight_ih, d_weight_hh, d_bias = (
            torch.empty_like(weight, memory_format=torch.contiguous_format) for weight in weights[:3]
        )
        d_extra = inputs.new_empty(len(weights.extra), s.HP)
        d_initial_state = [inputs.new_empty(s.B, s.HP) for _ in state]
        d_inputs = inputs.new_empty(s.T, s.B, s.I) if ctx.needs_input_grad[1] else None
        gradients = GradientArgs(
            *(pointers(d_states), *(strides(d_states, axis) for axis in range(3)), pointers(d_final_state)),
            *map(pointer, (d_weight_hh, d_weight_ih, d_bias, d_extra)),
            *(pointers(d_initial_state), pointer(d_inputs)),
        )
        call.library.cell_backward(ctypes.byref(s), ctypes.byref(gradients))
        if ctx.saved_values is not None:
            if ctx.saved_values.numel() >= MIN_POOLED:
                BUFFER_POOL.release(ctx.saved_values)
            ctx.saved_values = None
        d_state = (part[:, : s.H] for part in d_initial_state)
        d_inputs = None if d_inputs is None else d_inputs.transpose(0, 1)
        return None, d_inputs, *d_state, d_weight_ih, d_weight_hh, d_bias, *d_extra[:, : s.H]
