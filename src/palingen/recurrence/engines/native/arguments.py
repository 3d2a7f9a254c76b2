"""Arguments of the C++ functions, field by field as in `arguments.h`."""

import ctypes
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

MAX_STATES = 4
"""Parts of the state that the arguments have room for."""

MAX_THREADS = 256
"""Threads that the C++ code has room for."""

Pointer = ctypes.c_void_p
Long = ctypes.c_long


class Sizes(NamedTuple):
    """Sizes of one run, the first fields of `SequenceArgs`."""

    T: int
    """Steps."""

    B: int
    """Sequences."""

    H: int
    """Hidden units."""

    I: int
    """Inputs."""

    HP: int
    """H, padded to whole vectors."""

    KP: int
    """Length of [h | x | 1], padded likewise."""


class SequenceArgs(ctypes.Structure):
    """Sizes, weights, inputs and buffers of one run; shapes in `arguments.h`."""

    _fields_ = [
        *((name, Long) for name in Sizes._fields),
        *((name, Pointer) for name in ("weight_hh", "weight_ih", "bias", "extra_weights", "inputs")),
        *((name, Long) for name in ("inputs_stride_t", "inputs_stride_b", "inputs_stride_i")),
        ("initial_state", Pointer * MAX_STATES),
        ("initial_state_stride_b", Long * MAX_STATES),
        ("slots", Long),
        *((name, Pointer) for name in ("gate_inputs", "other_states", "saved_values", "keep_mask", "hidden_states")),
        ("final_state", Pointer * MAX_STATES),
        ("threads", Long),
    ]


class GradientArgs(ctypes.Structure):
    """Gradients of the outputs of a run, and buffers for those of its inputs; shapes in `arguments.h`."""

    _fields_ = [
        ("d_states", Pointer * MAX_STATES),
        ("d_states_stride_t", Long * MAX_STATES),
        ("d_states_stride_b", Long * MAX_STATES),
        ("d_states_stride_u", Long * MAX_STATES),
        ("d_final_state", Pointer * MAX_STATES),
        *((name, Pointer) for name in ("d_weight_hh", "d_weight_ih", "d_bias", "d_extra_weights")),
        ("d_initial_state", Pointer * MAX_STATES),
        ("d_inputs", Pointer),
    ]


def pointer(tensor: Tensor | None) -> int | None:
    """Address of a tensor's memory, or null."""
    return None if tensor is None else tensor.data_ptr()


def pointers(tensors: Sequence[Tensor | None]) -> ctypes.Array[Pointer]:
    """Addresses for each part of the state."""
    return (Pointer * MAX_STATES)(*map(pointer, tensors))


def strides(tensors: Sequence[Tensor | None], axis: int) -> ctypes.Array[Long]:
    """Strides of one axis for each part of the state."""
    return (Long * MAX_STATES)(*(0 if tensor is None else tensor.stride(axis) for tensor in tensors))


def run_sizes(inputs: Tensor, hidden_size: int, vector_size: int) -> Sizes:
    """Sizes of a run on `inputs` [B, T, I] with vectors of `vector_size` floats."""
    B, T, I = inputs.shape
    HP = _round_up(hidden_size, vector_size)
    return Sizes(T, B, hidden_size, I, HP, _round_up(HP + I + 1, vector_size))


def _round_up(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple
