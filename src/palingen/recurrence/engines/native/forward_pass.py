"""Forward pass in C++: memory of its results, and its arguments.

B  sequences      T  steps      I  inputs      H  hidden units      HP  H padded to whole vectors
KP  length of [h | x | 1], padded likewise      D  directions
"""

import math
from array import array
from typing import Any, NamedTuple

import torch
from torch import Tensor

from palingen.recurrence.engines.buffer_pool import BUFFER_POOL, PooledBuffer
from palingen.recurrence.engines.native.arguments import (
    MAX_THREADS,
    NO_STEPS,
    SequenceArgs,
    Sizes,
    per_state,
    pointer,
    pointers,
    run_sizes,
    slices,
    steps_of,
    to_bytes,
)
from palingen.recurrence.engines.native.call import Call, Tensors, keep_mask
from palingen.recurrence.unroll import CellWeights

MIN_POOLED = 1 << 18
"""Floats of a buffer that is worth keeping for the next training step: the system gives a smaller one as quickly."""


class ForwardPass(NamedTuple):
    """Result of a forward pass, and what the backward pass needs."""

    outputs: Tensors
    """Each part of the state at every step [T, B, H], or a layer's hidden states [T, B, D H]; then the final state."""

    saved_values: Tensor | None
    """Values that the gradient needs, of each direction."""

    sizes: Sizes
    arguments: bytes
    """`SequenceArgs` of each direction."""

    referenced: tuple[object, ...]
    """All that only addresses in the arguments refer to."""


class _States(NamedTuple):
    """Memory for the states of every step."""

    gate_inputs: Tensor
    """[D, T + 1, B, KP]"""

    other_states: Tensor
    """[D, other parts of the state, T + 1, B, HP]"""

    pooled: PooledBuffer | None


def run_forward(call: Call, tensors: Tensors, *, keep: bool, save: bool) -> ForwardPass:
    """Run the forward pass.

    Args:
        call: arguments beside the tensors.
        tensors: inputs, initial state and weights.
        keep: whether the states of every step are read afterwards.
        save: whether to save the values that the gradient needs.
    """
    inputs, state, weights = call.unpack(tensors)
    code, D = call.code, call.directions
    sizes = T, B, H, _, HP, _ = run_sizes(inputs, weights[0].weight_hh.shape[1], code.vector_size)
    states = _allocate_states(call, inputs, sizes) if keep else None
    saved_values = _allocate_saved_values(inputs, (D, T, B, HP, code.saved_per_unit)) if save else None
    hidden = inputs.new_empty(T, B, D * H) if call.is_layer or call.reset_mask is not None else None
    final_state = tuple(inputs.new_empty((D, B, H) if call.is_layer else (B, H)) for _ in call.cell.state)
    weights = [_contiguous(direction) for direction in weights]
    extra = [array("q", map(pointer, direction.extra)) for direction in weights]
    state = tuple(part if part.stride(-1) == 1 else part.contiguous() for part in state)
    mask, threads = keep_mask(call.reset_mask), min(torch.get_num_threads(), MAX_THREADS)
    runs = [
        SequenceArgs(  # type: ignore[call-arg]
            *sizes,
            *(pointer(weight_hh), pointer(weight_ih), pointer(bias), extra[d].buffer_info()[0]),
            *steps_of(inputs, d),
            *(per_state(slices(state, d)), per_state([part.stride(-2) for part in state]), T + 1 if keep else 2),
            *(slices(states[:2], d) if states else (0, 0)),
            *(*slices((saved_values,), d), pointer(mask)),
            *(NO_STEPS if hidden is None else steps_of(hidden, d, H))[:3],
            *(pointers(final_state, d * B * H), threads),
        )
        for d, (weight_ih, weight_hh, bias, _) in enumerate(weights)
    ]
    arguments = to_bytes(runs)
    code.forward(arguments, D)
    outputs = _states_of_steps(call, states, hidden, H)
    referenced = inputs, state, weights, extra, mask, states
    return ForwardPass((*outputs, *final_state), saved_values, sizes, arguments, referenced)


def _allocate_saved_values(inputs: Tensor, shape: tuple[int, ...]) -> Tensor:
    return BUFFER_POOL.acquire(shape, inputs) if math.prod(shape) >= MIN_POOLED else inputs.new_empty(shape)


def release_saved_values(saved_values: Tensor) -> None:
    """Give the memory of saved values to the next run."""
    if saved_values.numel() >= MIN_POOLED:
        BUFFER_POOL.release(saved_values)


def _allocate_states(call: Call, inputs: Tensor, sizes: Sizes) -> _States:
    T, B, _, _, HP, KP = sizes
    D, others = call.directions, len(call.cell.state) - 1
    shapes: Any = (D, T + 1, B, KP), (D, others, T + 1, B, HP)
    counts = D * (T + 1) * B * KP, D * others * (T + 1) * B * HP
    if call.is_layer and sum(counts) >= MIN_POOLED:
        pooled = PooledBuffer(sum(counts), inputs)
        gate_inputs, other_states = pooled.memory.split(counts)
        return _States(gate_inputs.view(shapes[0]), other_states.view(shapes[1]), pooled)
    return _States(inputs.new_empty(shapes[0]), inputs.new_empty(shapes[1]), None)


def _contiguous(weights: CellWeights) -> CellWeights:
    weight_ih, weight_hh, bias, extra = weights
    return CellWeights(
        weight_ih.contiguous(),
        weight_hh.contiguous(),
        bias.contiguous(),
        tuple(weight.contiguous() for weight in extra) if extra else (),
    )


def _states_of_steps(call: Call, states: _States | None, hidden: Tensor | None, H: int) -> Tensors:
    """States at every step [T, B, H], for a layer h alone [T, B, D H]."""
    if call.is_layer or states is None:
        assert hidden is not None
        return (hidden,)
    first = states.gate_inputs[0, 1:, :, :H] if hidden is None else hidden
    return first, *(part[..., :H] for part in states.other_states[0, :, 1:])
