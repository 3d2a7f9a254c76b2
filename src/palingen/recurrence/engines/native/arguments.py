"""Arguments of the C++ functions, field by field as in `arguments.h`, and the addresses and strides in them."""

from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from torch import Tensor

MAX_STATES = 4
"""Parts of the state that the arguments have room for."""

MAX_THREADS = 256
"""Threads that the C++ code has room for."""

FLOAT_BYTES = 4

Pointer = int
"""Address, or 0 for none."""

Long = int
Pointers = tuple[Pointer, ...]
"""Addresses for each part of the state, MAX_STATES in all."""

Longs = tuple[Long, ...]


_NONE = (0,) * MAX_STATES


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


class SequenceArgs(NamedTuple):
    """Sizes, weights, inputs and buffers of one run; shapes in `arguments.h`."""

    T: Long
    B: Long
    H: Long
    I: Long
    HP: Long
    KP: Long
    weight_hh: Pointer
    weight_ih: Pointer
    bias: Pointer
    extra_weights: Pointer
    inputs: Pointer
    inputs_stride_t: Long
    inputs_stride_b: Long
    inputs_stride_i: Long
    initial_state: Pointers
    initial_state_stride_b: Longs
    slots: Long
    gate_inputs: Pointer
    other_states: Pointer
    saved_values: Pointer
    keep_mask: Pointer
    hidden_states: Pointer
    hidden_states_stride_t: Long
    hidden_states_stride_b: Long
    final_state: Pointers
    threads: Long


class GradientArgs(NamedTuple):
    """Gradients of the outputs of a run, and buffers for those of its inputs; shapes in `arguments.h`."""

    d_states: Pointers
    d_states_stride_t: Longs
    d_states_stride_b: Longs
    d_states_stride_u: Longs
    d_final_state: Pointers
    d_weight_hh: Pointer
    d_weight_ih: Pointer
    d_bias: Pointer
    d_extra_weights: Pointer
    d_initial_state: Pointers
    d_inputs: Pointer
    d_inputs_stride_t: Long
    d_inputs_stride_b: Long
    adds_to_inputs: Long
    recompute: Long


def to_bytes(runs: Iterable[SequenceArgs | GradientArgs]) -> bytes:
    """C++ structures of several runs, one after the other; all fields have 64 bits."""
    numbers: list[int] = []
    for run in runs:
        for field in run:
            if isinstance(field, tuple):
                numbers += field
            else:
                numbers.append(field)
    return array("q", numbers).tobytes()


def pointer(tensor: Tensor | None) -> Pointer:
    """Address of a tensor's memory, or 0."""
    return 0 if tensor is None else tensor.data_ptr()


def pointers(tensors: Sequence[Tensor | None], floats: int = 0) -> Pointers:
    """Addresses for each part of the state, `floats` after the first."""
    return per_state([0 if tensor is None else tensor.data_ptr() + FLOAT_BYTES * floats for tensor in tensors])


def slices(tensors: Iterable[Tensor | None], direction: int) -> list[Pointer]:
    """Addresses of a direction's part of each tensor, whose first dimension is directions."""
    return [0 if each is None else each.data_ptr() + FLOAT_BYTES * direction * each.stride(0) for each in tensors]


def per_state(numbers: Sequence[int]) -> Longs:
    """Numbers for each part of the state."""
    return (*numbers, *_NONE[len(numbers) :])


class Steps(NamedTuple):
    """Where the steps of one direction lie in a tensor [T, B, D H] or [T, B, I]."""

    first: Pointer
    stride_t: Long
    stride_b: Long
    stride_u: Long


NO_STEPS = Steps(0, 0, 0, 0)


def steps_of(tensor: Tensor, direction: int, width: int = 0) -> Steps:
    """Steps in the order of a direction, the second of which begins at the last.

    Args:
        tensor: all steps.
        direction: 0 or 1.
        width: features of one direction; 0 where both have the same.
    """
    stride_t, stride_b, stride_u = tensor.stride()
    if not direction:
        return Steps(tensor.data_ptr(), stride_t, stride_b, stride_u)
    first = width * stride_u + (tensor.shape[0] - 1) * stride_t
    return Steps(tensor.data_ptr() + FLOAT_BYTES * first, -stride_t, stride_b, stride_u)


def run_sizes(inputs: Tensor, hidden_size: int, vector_size: int) -> Sizes:
    """Sizes of a run on `inputs` [T, B, I] with vectors of `vector_size` floats."""
    T, B, I = inputs.shape
    HP = _round_up(hidden_size, vector_size)
    return Sizes(T, B, hidden_size, I, HP, _round_up(HP + I + 1, vector_size))


def _round_up(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple
