"""Native engine: the whole time loop in C++ (`recurrence.cpp`), compiled at first use; float32 on a CPU.

B  sequences      T  steps      I  inputs      H  hidden units      HP  H padded to whole vectors
KP  length of [h | x | 1], padded likewise      GHP  gates times HP
"""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from palingen.recurrence.cells import Cell, State
from palingen.recurrence.engines.buffer_pool import BUFFER_POOL
from palingen.recurrence.engines.captures import frozen_reason
from palingen.recurrence.engines.compiled_step import uses_only_sum
from palingen.recurrence.engines.double_backward import pack, reference_gradients, unpack
from palingen.recurrence.engines.native import cpp_build
from palingen.recurrence.engines.native.arguments import (
    MAX_STATES,
    MAX_THREADS,
    GradientArgs,
    Pointer,
    SequenceArgs,
    pointer,
    pointers,
    run_sizes,
    strides,
)
from palingen.recurrence.engines.native.codegen import generate_header
from palingen.recurrence.engines.native.layout_ops import UnsupportedOperationError
from palingen.recurrence.unroll import CellWeights, RNNOutput
from palingen.runtime.torch_private import forward_gradients_enabled

Tensors = tuple[Tensor, ...]


def unsupported_reason(cell: Cell, inputs: Tensor) -> str | None:
    """Reason why the native engine cannot run `cell` on `inputs`, or None."""
    if inputs.device.type != "cpu" or inputs.dtype != torch.float32:
        return f"computes in float32 on a CPU, not in {inputs.dtype} on {inputs.device.type}"
    return frozen_reason(cell) or _unsupported_cell(cell)


@cache
def _unsupported_cell(cell: Cell) -> str | None:
    if len(cell.state) > MAX_STATES:
        return f"the cell's state has {len(cell.state)} parts, more than {MAX_STATES}"
    try:
        _library(cell)
    except (cpp_build.NoCompilerError, UnsupportedOperationError) as error:
        return str(error)
    return None


class _Call(NamedTuple):
    """Arguments of a run beside its tensors."""

    cell: Cell
    reset_mask: Tensor | None
    recompute: bool
    hidden_only: bool


def run(
    cell: Cell,
    weights: CellWeights,
    inputs: Tensor,
    state: State | None,
    reset_mask: Tensor | None,
    *,
    recompute: bool = False,
    hidden_only: bool = False,
) -> RNNOutput:
    """`unroll` in C++; with `recompute`, the backward pass recomputes each step instead of reading saved values.

    With `hidden_only`, h is the only state that is returned, in memory of its own, and without gradients the only one
    that is kept.
    """
    call = _Call(cell, reset_mask, recompute, hidden_only)
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
    library = _library(cell)
    sizes = T, B, H, _, HP, KP = run_sizes(inputs, weights.weight_hh.shape[1], library.floats_per_vector())
    extra = [weight.contiguous() for weight in weights.extra]
    state = tuple(part if part.stride(1) == 1 else part.contiguous() for part in state)
    packed = (weights.weight_hh.contiguous(), weights.weight_ih.contiguous(), weights.bias.contiguous())
    memory = _Memory(
        contiguous=(*packed, *extra, *state),
        extra_weights=(Pointer * len(extra))(*map(pointer, extra)),
        keep_mask=_keep_mask(call.reset_mask),
        gate_inputs=inputs.new_empty(T + 1, B, KP) if keep else None,
        other_states=inputs.new_empty(len(cell.state) - 1, T + 1, B, HP) if keep else None,
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
            vector = _library(cell).floats_per_vector()
            sizes = run_sizes(inputs, tensors[-2 - len(cell.extra_weights)].shape[1], vector)
            shape = sizes.T, sizes.B, sizes.HP * _library(cell).saved_floats_per_unit()
            saved_values = BUFFER_POOL.acquire(shape, inputs)
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
        d_final_state = d_outputs[-num_states:]
        if torch.is_grad_enabled():  # double backward
            d_outputs = (*(d_state if d_state is None else d_state.transpose(0, 1) for d_state in d_states), *d_final_state)
            return None, *reference_gradients(cell, tensors, call.reset_mask, d_outputs)
        inputs, state, weights = unpack(cell, tensors)
        s = ctx.arguments
        s.saved_values = pointer(ctx.saved_values)  # null in a second backward pass, which recomputes
        d_states = [grad if grad is None or grad.stride(2) == 1 else grad.contiguous() for grad in d_states]
        d_final_state = [grad if grad is None else grad.contiguous() for grad in d_final_state]
        d_weight_ih, d_weight_hh, d_bias = (
            torch.empty_like(weight, memory_format=torch.contiguous_format) for weight in weights[:3]
        )
        d_extra = inputs.new_empty(len(weights.extra), s.HP)
        d_initial_state = [inputs.new_empty(s.B, s.HP) for _ in state]
        d_inputs = inputs.new_empty(s.T, s.B, s.I) if ctx.needs_input_grad[1] else None
        gradients = GradientArgs(
            *(pointers(d_states), strides(d_states, 0), strides(d_states, 1), pointers(d_final_state)),
            *map(pointer, (d_weight_hh, d_weight_ih, d_bias, d_extra)),
            *(pointers(d_initial_state), pointer(d_inputs)),
        )
        _library(cell).cell_backward(ctypes.byref(s), ctypes.byref(gradients))
        if ctx.saved_values is not None:
            BUFFER_POOL.release(ctx.saved_values)
            ctx.saved_values = None
        d_state = (part[:, : s.H] for part in d_initial_state)
        d_inputs = None if d_inputs is None else d_inputs.transpose(0, 1)
        return None, d_inputs, *d_state, d_weight_ih, d_weight_hh, d_bias, *d_extra[:, : s.H]


@cache
def _library(cell: Cell) -> ctypes.CDLL:
    """Compiled code of a cell.

    Raises:
        NoCompilerError: it cannot be compiled.
        UnsupportedOperationError: the step contains an operation without vector form.
    """
    header = generate_header(cell, uses_only_sum(cell))
    library = cpp_build.load_library(Path(__file__).with_name("recurrence.cpp"), header)
    library.floats_per_vector.restype = library.saved_floats_per_unit.restype = ctypes.c_long
    return library
