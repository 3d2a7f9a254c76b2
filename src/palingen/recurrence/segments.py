"""Final state of long sequences in bounded memory: segments of the time axis that the backward pass recomputes.

The forward pass keeps the state at the end of each segment; the backward pass runs the segments again, the last one
first, and so holds the values of one segment at a time (Chen et al. 2016).

B  sequences      T  steps      I  inputs      H  hidden units
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from palingen.recurrence.cells import Cell, State
from palingen.recurrence.engines import ENGINES, Precision, run_engine
from palingen.recurrence.engines.double_backward import pack, reference_gradients, unpack
from palingen.recurrence.unroll import CellWeights

SEGMENT_VALUES = 2**24
"""Gate values of all sequences and steps of a segment, at most, unless it has one step only. Shorter segments are not
faster, and longer ones leave the cache."""

MAX_STORED_VALUES = 2**28
"""Gate values of a batch that are stored rather than recomputed, which takes a quarter less time, in about 3 GB."""


def segment_steps(cell: Cell, batch_size: int, num_steps: int, hidden_size: int, *, store: bool) -> int:
    """Steps of a segment, at least 1; with `store`, all steps if their values may be stored for the gradient."""
    values_per_step = batch_size * hidden_size * len(cell.gates)
    if store and num_steps * values_per_step <= MAX_STORED_VALUES:
        return num_steps
    return max(1, SEGMENT_VALUES // values_per_step)


def run_final_state(
    engine: str,
    cell: Cell,
    weights: CellWeights,
    inputs: Float[Tensor, "B T I"],
    state: State | None,
    steps: int,
    precision: Precision = "float32",
) -> State:
    """State after the last step of `cell` run over `inputs`, in segments of at most `steps` steps.

    A step that draws random numbers, or reads a tensor from outside, runs on the reference engine with recomputation
    instead, which draws the same numbers again and gives the tensor its gradient, in more memory.

    Args:
        engine: name in `ENGINES`, or `auto`.
        cell: the cell.
        weights: its weights.
        inputs: input sequences.
        state: initial state, each part [B, H]; zero if None.
        steps: steps of a segment.
        precision: arithmetic of the products.

    Raises:
        ConfigError: there is no such engine, or it does not support the cell, the inputs or the precision.
    """
    is_long = inputs.shape[1] > steps
    if not is_long or ENGINES["compiled"].unsupported_reason(cell, inputs):
        output = run_engine(engine, cell, weights, inputs, state, recompute=is_long, precision=precision)
        return output.final_state
    tensors = pack(inputs, state or (), weights)
    final_state: State = _SegmentedFunction.apply(_Call(engine, cell, steps, precision), *tensors)  # type: ignore[no-untyped-call]
    return final_state


class _Call(NamedTuple):
    """Arguments of a run beside its tensors."""

    engine: str
    cell: Cell
    steps: int
    precision: Precision

    def run(self, weights: CellWeights, segment: Tensor, state: State) -> State:
        """State after a segment."""
        return run_engine(self.engine, self.cell, weights, segment, state or None, precision=self.precision).final_state


class _SegmentedFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, call: _Call, *tensors: Tensor) -> State:
        cell = call.cell
        inputs, state, weights = unpack(cell, tensors)
        segments = inputs.split(call.steps, dim=1)
        shape = len(segments), len(inputs), weights.weight_hh.shape[1]
        ends = [inputs.new_empty(shape) for _ in cell.state]  # in one piece: scattered small tensors fragment memory
        for index, segment in enumerate(segments):
            state = call.run(weights, segment, state)
            for end, part in zip(ends, state, strict=True):
                end[index] = part
        ctx.call, ctx.num_tensors = call, len(tensors)
        device = inputs.device.type
        ctx.autocast = device, torch.get_autocast_dtype(device), torch.is_autocast_enabled(device)
        ctx.save_for_backward(*tensors, *ends)
        return state

    @staticmethod
    def backward(ctx: Any, *d_state: Tensor) -> tuple[Tensor | None, ...]:
        cell, num_states = ctx.call.cell, len(ctx.call.cell.state)
        tensors, ends = ctx.saved_tensors[: ctx.num_tensors], ctx.saved_tensors[ctx.num_tensors :]
        if torch.is_grad_enabled():  # double backward
            d_outputs = (*(None,) * num_states, *d_state)
            return None, *reference_gradients(cell, tensors, None, d_outputs)
        inputs, state, weights = unpack(cell, tensors)
        starts = [state, *zip(*ends, strict=True)][:-1]
        d_inputs = torch.empty_like(inputs) if ctx.needs_input_grad[1] else None
        d_weights = [torch.zeros_like(weight) for weight in (*weights[:3], *weights.extra)]
        for index in reversed(range(len(starts))):
            steps, start = slice(index * ctx.call.steps, (index + 1) * ctx.call.steps), starts[index]
            leaves = [part.detach().requires_grad_() for part in pack(inputs[:, steps], start, weights)]
            leaves[0].requires_grad_(d_inputs is not None)
            d_segment, *gradients = _segment_gradients(ctx, leaves, d_state)
            if d_inputs is not None:
                d_inputs[:, steps] = d_segment
            d_state, d_segment_weights = tuple(gradients[: len(start)]), gradients[len(start) :]
            for total, gradient in zip(d_weights, d_segment_weights, strict=True):
                total += gradient
        return None, d_inputs, *d_state, *d_weights


def _segment_gradients(ctx: Any, leaves: list[Tensor], d_state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Gradient of each leaf from that of the segment's final state; the inputs' is zero if they need none."""
    device, dtype, enabled = ctx.autocast
    segment, start, weights = unpack(ctx.call.cell, leaves)
    with torch.enable_grad(), torch.autocast(device, dtype=dtype, enabled=enabled):
        final_state = ctx.call.run(weights, segment, start)
    needed = [leaf for leaf in leaves if leaf.requires_grad]
    gradients = torch.autograd.grad(final_state, needed, d_state, allow_unused=True, materialize_grads=True)
    return gradients if leaves[0].requires_grad else (leaves[0].new_zeros(()), *gradients)
