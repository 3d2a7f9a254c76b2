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
from torch.nn.functional import pad

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
    SequenceArgs,
    Sizes,
    pointer,
    pointers,
    run_sizes,
    strides,
)
from palingen.recurrence.engines.native.codegen import generate_header
from palingen.recurrence.engines.native.layout_ops import UnsupportedOperationError
from palingen.recurrence.unroll import CellWeights, RNNOutput

Tensors = tuple[Tensor, ...]


def unsupported_reason(cell: Cell, inputs: Tensor, hidden_size: int | None = None) -> str | None:
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


def run(
    cell: Cell,
    weights: CellWeights,
    inputs: Tensor,
    state: State | None,
    reset_mask: Tensor | None,
    *,
    recompute: bool = False,
) -> RNNOutput:
    """`unroll` in C++; with `recompute`, the backward pass recomputes each step instead of reading saved values."""
    store = torch.is_grad_enabled() and not recompute
    arguments = pack(inputs, state or (), weights)
    outputs: Tensors = _NativeFunction.apply(cell, reset_mask, store, *arguments)  # type: ignore[no-untyped-call]
    return RNNOutput(outputs[: len(cell.state)], outputs[len(cell.state) :])


class _Buffers(NamedTuple):
    """Memory of one run, in the order of `SequenceArgs`; shapes in `arguments.h`."""

    gate_inputs: Tensor
    other_states: Tensor
    saved_values: Tensor | None
    keep_mask: Tensor | None
    hidden_states: Tensor | None


class _NativeFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, cell: Cell, reset_mask: Tensor | None, store: bool, *tensors: Tensor) -> Tensors:
        inputs, state, weights = unpack(cell, tensors)
        library = _library(cell)
        sizes = run_sizes(inputs, weights.weight_hh.shape[1], library.floats_per_vector())
        packed = _pack_weights(weights, sizes)
        buffers = _allocate(cell, inputs, sizes, reset_mask, store)
        _write_initial_state(buffers, state, sizes)
        arguments = SequenceArgs(
            *sizes,
            *map(pointer, packed),
            *(pointer(inputs), inputs.stride(1), inputs.stride(0), inputs.stride(2)),
            *map(pointer, buffers),
            *(not state, min(torch.get_num_threads(), sizes.B, MAX_THREADS)),
        )
        library.cell_forward(ctypes.byref(arguments))

        hidden = buffers.gate_inputs[1:, :, : sizes.HP] if buffers.hidden_states is None else buffers.hidden_states
        states = tuple(part[:, :, : sizes.H].transpose(0, 1) for part in (hidden, *buffers.other_states[:, 1:]))
        ctx.cell, ctx.reset_mask, ctx.arguments, ctx.saved_values = cell, reset_mask, arguments, buffers.saved_values
        ctx.memory = buffers._replace(saved_values=None), packed  # `arguments` has only its addresses
        ctx.save_for_backward(*tensors, *states)
        ctx.set_materialize_grads(False)
        return *states, *(part[:, -1].clone() for part in states)

    @staticmethod
    def backward(ctx: Any, *d_outputs: Tensor | None) -> tuple[Tensor | None, ...]:
        cell, num_states = ctx.cell, len(ctx.cell.state)
        tensors = ctx.saved_tensors[:-num_states]
        if torch.is_grad_enabled():  # double backward
            return None, None, None, *reference_gradients(cell, tensors, ctx.reset_mask, d_outputs)
        inputs, state, weights = unpack(cell, tensors)
        s = ctx.arguments
        s.saved_values = pointer(ctx.saved_values)  # null in a second backward pass, which recomputes
        d_states = [
            grad if grad is None or grad.stride(2) == 1 else grad.contiguous() for grad in d_outputs[:num_states]
        ]
        d_final_state = [grad if grad is None else grad.contiguous() for grad in d_outputs[num_states:]]
        d_weight_ih, d_weight_hh, d_bias = (
            torch.empty_like(weight, memory_format=torch.contiguous_format) for weight in weights[:3]
        )
        d_extra = inputs.new_empty(len(weights.extra), s.HP)
        d_initial_state = [inputs.new_empty(s.B, s.HP) for _ in state]
        d_x_projs = inputs.new_empty(s.T, s.B, len(cell.gates) * s.HP) if ctx.needs_input_grad[3] else None
        gradients = GradientArgs(
            *(pointers(d_states), strides(d_states, 1), strides(d_states, 0), pointers(d_final_state)),
            *map(pointer, (d_weight_hh, d_weight_ih, d_bias, d_extra)),
            *(pointers(d_initial_state), pointer(d_x_projs)),
        )
        _library(cell).cell_backward(ctypes.byref(s), ctypes.byref(gradients))
        if ctx.saved_values is not None:
            BUFFER_POOL.release(ctx.saved_values)
            ctx.saved_values = None
        d_inputs = None if d_x_projs is None else _input_gradient(cell, d_x_projs, weights.weight_ih, s)
        d_state = (part[:, : s.H] for part in d_initial_state)
        return None, None, None, d_inputs, *d_state, d_weight_ih, d_weight_hh, d_bias, *d_extra[:, : s.H]


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


def _pack_weights(weights: CellWeights, sizes: Sizes) -> Tensors:
    """Contiguous weights in the order of `SequenceArgs`; the bias is added to the extra weights, which may be none."""
    extra = pad(torch.stack([*weights.extra, weights.bias[: sizes.H]]), (0, sizes.HP - sizes.H))
    return weights.weight_hh.contiguous(), weights.weight_ih.contiguous(), weights.bias.contiguous(), extra


def _allocate(cell: Cell, inputs: Tensor, sizes: Sizes, reset_mask: Tensor | None, store: bool) -> _Buffers:
    T, B, _, _, HP, KP = sizes
    keep_mask = None if reset_mask is None else torch.cat([~reset_mask.T, reset_mask.new_ones(1, B)]).float()
    saved_shape = T, B, HP * _library(cell).saved_floats_per_unit()
    return _Buffers(
        gate_inputs=inputs.new_empty(T + 1, B, KP),
        other_states=inputs.new_empty(len(cell.state) - 1, T + 1, B, HP),
        saved_values=BUFFER_POOL.acquire(saved_shape, inputs) if store else None,
        keep_mask=keep_mask,
        hidden_states=None if keep_mask is None else inputs.new_empty(T, B, HP),
    )


def _write_initial_state(buffers: _Buffers, state: State, sizes: Sizes) -> None:
    """Write the initial state, zero if `state` is empty, where step 0 reads it; h after the reset, if there is one."""
    buffers.gate_inputs[0, :, : sizes.HP], buffers.other_states[:, 0] = 0, 0
    if not state:
        return
    keep_mask, (h, *others) = buffers.keep_mask, state
    buffers.gate_inputs[0, :, : sizes.H] = h if keep_mask is None else h * keep_mask[0, :, None]
    for buffer, part in zip(buffers.other_states, others, strict=True):
        buffer[0, :, : sizes.H] = part


def _input_gradient(cell: Cell, d_x_projs: Tensor, weight_ih: Tensor, s: SequenceArgs) -> Tensor:
    """Gradient of the inputs [B, T, I] from that of their interleaved, padded projections [T, B, GHP]."""
    gates = weight_ih.view(len(cell.gates), s.H, s.I)
    padded = pad(gates, (0, 0, 0, s.HP - s.H))
    vectors = padded.view(len(cell.gates), -1, _library(cell).floats_per_vector(), s.I)
    interleaved = vectors.transpose(0, 1).reshape(-1, s.I)
    return (d_x_projs @ interleaved).transpose(0, 1)
