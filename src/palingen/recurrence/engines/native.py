"""Any pointwise cell over a whole sequence in C++ (`cell.cpp`), compiled at first use: float32 on a processor.

B  sequences      T  steps      I  inputs      H  hidden units      HP  H in whole vectors      KP  [h | x | 1] in them
"""

import ctypes
from collections.abc import Sequence as Several
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from palingen.recurrence.cells import Cell, State
from palingen.recurrence.engines import compiler
from palingen.recurrence.engines.again import gradients_by_equations, pack, unpack
from palingen.recurrence.engines.generate import generate
from palingen.recurrence.engines.kernels import only_adds
from palingen.recurrence.engines.operations import UnknownOperationError
from palingen.recurrence.engines.pool import POOL
from palingen.recurrence.unroll import Unrolled, Weights

Tensors = tuple[Tensor, ...]
Pointer = ctypes.c_void_p
MOST_STATES = 4
"""As in `cell.cpp`."""


class Sequence(ctypes.Structure):
    """As in `cell.cpp`."""

    _fields_ = [
        *((name, ctypes.c_long) for name in ("T", "B", "H", "I", "HP", "KP")),
        *((name, Pointer) for name in ("hidden_weight", "input_weight", "bias", "extras", "inputs")),
        *((name, ctypes.c_long) for name in ("input_step", "input_row", "input_stride")),
        *((name, Pointer) for name in ("reads", "others", "saved", "keep", "hidden")),
        *((name, ctypes.c_long) for name in ("from_rest", "threads")),
    ]


class Gradients(ctypes.Structure):
    """As in `cell.cpp`."""

    _fields_ = [
        ("every", Pointer * MOST_STATES),
        ("every_step", ctypes.c_long * MOST_STATES),
        ("every_row", ctypes.c_long * MOST_STATES),
        ("last", Pointer * MOST_STATES),
        *((name, Pointer) for name in ("hidden_weight", "input_weight", "bias", "extras")),
        ("first", Pointer * MOST_STATES),
        ("x_parts", Pointer),
    ]


def missing(cell: Cell, inputs: Tensor) -> str | None:
    """Why the native engine cannot run this, or None."""
    if inputs.device.type != "cpu" or inputs.dtype != torch.float32:
        return f"it computes float32 on a processor, not {inputs.dtype} on {inputs.device.type}"
    return _missing_for(cell)


@cache
def _missing_for(cell: Cell) -> str | None:
    if len(cell.state) > MOST_STATES:
        return f"the cell's state has {len(cell.state)} parts, more than {MOST_STATES}"
    try:
        _library(cell)
    except (compiler.NoCompilerError, UnknownOperationError) as error:
        return str(error)
    return None


def run(
    cell: Cell, weights: Weights, inputs: Tensor, state: State | None, resets: Tensor | None, *, recompute: bool = False
) -> Unrolled:
    """As `unroll`; with `recompute`, backward takes each step again instead of keeping what it needs of it."""
    store = torch.is_grad_enabled() and not recompute
    parts = len(cell.state)
    made: Tensors = _Native.apply(cell, resets, store, *pack(inputs, state or (), weights))  # type: ignore[no-untyped-call]
    return Unrolled(made[:parts], made[parts:])


class _Native(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, cell: Cell, resets: Tensor | None, store: bool, *tensors: Tensor) -> Tensors:
        inputs, state, weights = unpack(cell, tensors)
        library = _library(cell)
        B, T, I = inputs.shape
        H = weights.hidden.shape[1]
        V = library.floats_in_a_vector()
        HP, KP = _whole(H, V), _whole(_whole(H, V) + I + 1, V)
        keep = None if resets is None else torch.cat([~resets.T, resets.new_ones(1, B)]).float()
        reads, others = inputs.new_empty(T + 1, B, KP), inputs.new_empty(len(cell.state) - 1, T + 1, B, HP)
        reads[0, :, :HP], others[:, 0] = 0, 0
        if state:
            reads[0, :, :H] = state[0] if keep is None else state[0] * keep[0, :, None]
            for place, part in zip(others, state[1:], strict=True):
                place[0, :, :H] = part
        saved = POOL.take((T, B, HP * library.floats_kept_for_a_unit()), inputs) if store else None
        hidden = reads[1:, :, :HP] if keep is None else inputs.new_empty(T, B, HP)
        held = [weights.hidden.contiguous(), weights.input.contiguous(), weights.bias.contiguous()]
        held.append(torch.nn.functional.pad(torch.stack([*weights.extras, weights.bias[:H]]), (0, HP - H)))
        sequence = Sequence(
            *(T, B, H, I, HP, KP),
            *map(_place, held),
            *(_place(inputs), *(inputs.stride(axis) for axis in (1, 0, 2))),
            *map(_place, (reads, others, saved, keep, None if keep is None else hidden)),
            *(not state, min(torch.get_num_threads(), B)),
        )
        library.cell_forward(ctypes.byref(sequence))

        states = tuple(part[:, :, :H].transpose(0, 1) for part in (hidden, *others[:, 1:]))
        ctx.cell, ctx.resets, ctx.sequence, ctx.saved = cell, resets, sequence, saved
        ctx.buffers = reads, others, keep, *held
        ctx.save_for_backward(*tensors, *states)
        ctx.set_materialize_grads(False)
        return *states, *(part[:, -1].clone() for part in states)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        cell, parts = ctx.cell, len(ctx.cell.state)
        tensors = ctx.saved_tensors[:-parts]
        if torch.is_grad_enabled():  # somebody wants to differentiate the gradients
            return None, None, None, *gradients_by_equations(cell, tensors, ctx.resets, gradients)
        inputs, state, weights = unpack(cell, tensors)
        s = ctx.sequence
        s.saved = _place(ctx.saved)  # none the second time: the steps are taken again
        every = [grad if grad is None or grad.stride(2) == 1 else grad.contiguous() for grad in gradients[:parts]]
        last = [grad if grad is None else grad.contiguous() for grad in gradients[parts:]]
        d_weights = [torch.empty_like(weight, memory_format=torch.contiguous_format) for weight in weights[:3]]
        d_extras = inputs.new_empty(len(weights.extras), s.HP)
        first = [inputs.new_empty(s.B, s.HP) for part in state]
        through_inputs = ctx.needs_input_grad[3]
        d_x_parts = inputs.new_empty(s.T, s.B, len(cell.gates) * s.HP) if through_inputs else None
        wanted = Gradients(
            _places(every),
            _numbers([0 if grad is None else grad.stride(1) for grad in every]),
            _numbers([0 if grad is None else grad.stride(0) for grad in every]),
            _places(last),
            *map(_place, (d_weights[1], d_weights[0], d_weights[2], d_extras)),
            _places(first),
            _place(d_x_parts),
        )
        _library(cell).cell_backward(ctypes.byref(s), ctypes.byref(wanted))
        if ctx.saved is not None:
            POOL.give(ctx.saved)
            ctx.saved = None
        d_inputs = None if d_x_parts is None else (d_x_parts @ _interleaved(cell, weights.input, s)).transpose(0, 1)
        d_first = (part[:, : s.H] for part in first)
        return None, None, None, d_inputs, *d_first, *d_weights, *d_extras[:, : s.H]


@cache
def _library(cell: Cell) -> ctypes.CDLL:
    header = generate(cell, only_adds(cell))
    library = compiler.load(Path(__file__).with_name("cell.cpp"), "step.h", header)
    library.floats_in_a_vector.restype = library.floats_kept_for_a_unit.restype = ctypes.c_long
    return library


def _whole(count: int, vector: int) -> int:
    return (count + vector - 1) // vector * vector


def _place(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


def _places(tensors: Several[Tensor | None]) -> ctypes.Array[Pointer]:
    return (Pointer * MOST_STATES)(*map(_place, tensors))


def _numbers(numbers: list[int]) -> ctypes.Array[ctypes.c_long]:
    return (ctypes.c_long * MOST_STATES)(*numbers)


def _interleaved(cell: Cell, weight: Tensor, s: Sequence) -> Tensor:
    """[GH, I] with its rows in the order of the interleaved gates, and zeros for the units that pad."""
    gates = weight.view(len(cell.gates), s.H, s.I)
    padded = torch.nn.functional.pad(gates, (0, 0, 0, s.HP - s.H))
    vectors = padded.view(len(cell.gates), -1, _library(cell).floats_in_a_vector(), s.I)
    return vectors.transpose(0, 1).reshape(-1, s.I)
