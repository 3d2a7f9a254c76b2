"""The LSTM over a whole sequence in C++ (`lstm.cpp`), compiled at first use: float32 on a processor.

B  sequences      T  steps      I  inputs      H  hidden units      HP  H in whole vectors      KP  [h | x | 1] in them
"""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from palingen.recurrence.cells import CELLS, Cell, State
from palingen.recurrence.engines import compiler
from palingen.recurrence.engines.again import gradients_by_equations, pack, unpack
from palingen.recurrence.engines.pool import POOL
from palingen.recurrence.unroll import Unrolled, Weights

Pointer = ctypes.c_void_p


class Sequence(ctypes.Structure):
    """As in `lstm.cpp`."""

    _fields_ = [
        *((name, ctypes.c_long) for name in ("T", "B", "H", "I", "HP", "KP")),
        *((name, Pointer) for name in ("hidden_weight", "input_weight", "bias", "inputs")),
        *((name, ctypes.c_long) for name in ("input_step", "input_row", "input_stride")),
        *((name, Pointer) for name in ("reads", "memory", "gates", "keep", "hidden")),
        *((name, ctypes.c_long) for name in ("from_rest", "threads")),
    ]


class Gradients(ctypes.Structure):
    """As in `lstm.cpp`."""

    _fields_ = [
        ("hidden", Pointer),
        ("hidden_step", ctypes.c_long),
        ("hidden_row", ctypes.c_long),
        ("memory", Pointer),
        ("memory_step", ctypes.c_long),
        ("memory_row", ctypes.c_long),
        *((name, Pointer) for name in ("last_hidden", "last_memory", "hidden_weight", "input_weight", "bias")),
        *((name, Pointer) for name in ("first_hidden", "first_memory", "gates")),
    ]


def missing(cell: Cell, inputs: Tensor) -> str | None:
    """Why the native engine cannot run this, or None."""
    if cell != CELLS["lstm"]:
        return "it has the LSTM only"
    if inputs.device.type != "cpu" or inputs.dtype != torch.float32:
        return f"it computes float32 on a processor, not {inputs.dtype} on {inputs.device.type}"
    try:
        _library()
    except compiler.NoCompilerError as error:
        return str(error)
    return None


def run(
    cell: Cell, weights: Weights, inputs: Tensor, state: State | None, resets: Tensor | None, *, recompute: bool = False
) -> Unrolled:
    """As `unroll`; with `recompute`, backward makes the gates again instead of keeping them (a third of the memory)."""
    store = torch.is_grad_enabled() and not recompute
    every_h, every_c, h, c = _Lstm.apply(cell, resets, store, *pack(inputs, state or (), weights))  # type: ignore[no-untyped-call]
    return Unrolled((every_h, every_c), (h, c))


class _Lstm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, cell: Cell, resets: Tensor | None, store: bool, *tensors: Tensor) -> tuple[Tensor, ...]:
        inputs, state, weights = unpack(cell, tensors)
        B, T, I = inputs.shape
        H = weights.hidden.shape[1]
        V = _library().lstm_floats_in_a_vector()
        HP, KP = _whole(H, V), _whole(_whole(H, V) + I + 1, V)
        keep = None if resets is None else torch.cat([~resets.T, resets.new_ones(1, B)]).float()
        reads, memory = inputs.new_empty(T + 1, B, KP), inputs.new_empty(T + 1, B, HP)
        memory[0].zero_()
        if state:
            reads[0, :, :HP].zero_()
            reads[0, :, :H] = state[0] if keep is None else state[0] * keep[0, :, None]
            memory[0, :, :H] = state[1]
        gates = POOL.take((T, B, len(cell.gates) * HP), inputs) if store else None
        hidden = reads[1:, :, :HP] if keep is None else inputs.new_empty(T, B, HP)
        held = [tensor.contiguous() for tensor in (weights.hidden, weights.input, weights.bias)]
        sequence = Sequence(
            *(T, B, H, I, HP, KP),
            *map(_place, held),
            *(_place(inputs), *(inputs.stride(axis) for axis in (1, 0, 2))),
            *map(_place, (reads, memory, gates, keep, None if keep is None else hidden)),
            *(not state, min(torch.get_num_threads(), B)),
        )
        _library().lstm_forward(ctypes.byref(sequence))

        hidden, memories = hidden[:, :, :H].transpose(0, 1), memory[1:, :, :H].transpose(0, 1)
        made = hidden, memories, hidden[:, -1].clone(), memories[:, -1].clone()
        ctx.cell, ctx.resets, ctx.sequence, ctx.gates = cell, resets, sequence, gates
        ctx.buffers = reads, memory, keep, *held
        ctx.save_for_backward(*tensors, hidden, memories)
        ctx.set_materialize_grads(False)
        return made

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        tensors = ctx.saved_tensors[:-2]
        if torch.is_grad_enabled():  # somebody wants to differentiate the gradients
            return None, None, None, *gradients_by_equations(ctx.cell, tensors, ctx.resets, gradients)
        inputs, state, weights = unpack(ctx.cell, tensors)
        s = ctx.sequence
        s.gates = _place(ctx.gates)  # none the second time: they are made again
        every_h, every_c, last_h, last_c = gradients
        every_h, every_c = (_rows(gradient) for gradient in (every_h, every_c))
        last_h, last_c = (gradient if gradient is None else gradient.contiguous() for gradient in (last_h, last_c))
        w_x, w_h, bias = (torch.empty_like(weight, memory_format=torch.contiguous_format) for weight in weights[:3])
        first = [inputs.new_empty(s.B, s.HP) for part in state]
        through_inputs = ctx.needs_input_grad[3]
        before = inputs.new_empty(s.T, s.B, len(ctx.cell.gates) * s.HP) if through_inputs else None
        _library().lstm_backward(
            ctypes.byref(s),
            ctypes.byref(
                Gradients(
                    *(_place(every_h), *_strides(every_h)),
                    *(_place(every_c), *_strides(every_c)),
                    *map(_place, (last_h, last_c, w_h, w_x, bias)),
                    *(map(_place, first) if first else (None, None)),
                    _place(before),
                )
            ),
        )
        if ctx.gates is not None:
            POOL.give(ctx.gates)
            ctx.gates = None
        of_inputs = None if before is None else (before @ _interleaved(weights.input, s)).transpose(0, 1)
        return None, None, None, of_inputs, *(part[:, : s.H] for part in first), w_x, w_h, bias


@cache
def _library() -> ctypes.CDLL:
    library = compiler.load(Path(__file__).with_name("lstm.cpp"))
    library.lstm_floats_in_a_vector.restype = ctypes.c_long
    return library


def _whole(count: int, vector: int) -> int:
    return (count + vector - 1) // vector * vector


def _place(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


def _rows(gradient: Tensor | None) -> Tensor | None:
    """With the units of a row side by side."""
    return gradient if gradient is None or gradient.stride(2) == 1 else gradient.contiguous()


def _strides(gradient: Tensor | None) -> tuple[int, int]:
    return (0, 0) if gradient is None else (gradient.stride(1), gradient.stride(0))


def _interleaved(weight: Tensor, s: Sequence) -> Tensor:
    """[4H, I] with its rows in the order of the interleaved gates, and zeros for the units that pad."""
    gates = weight.view(4, s.H, s.I)
    padded = torch.nn.functional.pad(gates, (0, 0, 0, s.HP - s.H))
    vector = _library().lstm_floats_in_a_vector()
    return padded.view(4, s.HP // vector, vector, s.I).transpose(0, 1).reshape(4 * s.HP, s.I)
