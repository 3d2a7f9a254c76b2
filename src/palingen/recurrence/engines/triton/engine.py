"""Triton engine: the whole time loop in one launch (`kernels`), compiled at first use; float32 on CUDA.

B  sequences      T  steps      I  inputs      H  hidden units
"""

import importlib.util
import math
from functools import cache
from typing import Any

import torch
from torch import Tensor

from palingen.recurrence.cells import Cell, State
from palingen.recurrence.engines.captures import frozen_reason
from palingen.recurrence.engines.double_backward import pack, reference_gradients, unpack
from palingen.recurrence.engines.native.layout_ops import UnsupportedOperationError
from palingen.recurrence.engines.tracing import untraceable_reason
from palingen.recurrence.engines.triton.passes import BackwardPass, ForwardPass, kernels, launch_plan
from palingen.recurrence.unroll import CellWeights, RNNOutput

Tensors = tuple[Tensor, ...]

MIN_CAPABILITY = (8, 0)
"""First compute capability whose tensor cores multiply TF32."""

MAX_GATES = 8
"""Gates for which the columns of a program are few enough."""


def unsupported_reason(cell: Cell, inputs: Tensor, hidden_size: int | None = None) -> str | None:
    """Reason why the Triton engine cannot run `cell` on `inputs`, or None.

    Args:
        cell: cell to run.
        inputs: example of the inputs; device and dtype matter.
        hidden_size: H, if it is known.
    """
    if inputs.device.type != "cuda" or inputs.dtype != torch.float32:
        return f"computes in float32 on CUDA, not in {inputs.dtype} on {inputs.device.type}"
    if reason := _unsupported_device(inputs.device) or frozen_reason(cell) or _unsupported_cell(cell):
        return reason
    try:
        if hidden_size is not None:
            launch_plan(cell, 1, hidden_size, inputs.device)
    except ValueError as error:
        return str(error)
    return None


@cache
def _unsupported_device(device: torch.device) -> str | None:
    if torch.version.hip is not None:
        return "needs CUDA, not ROCm"
    if torch.cuda.get_device_capability(device) < MIN_CAPABILITY:
        return "needs a GPU of compute capability 8.0 or above"
    return None if importlib.util.find_spec("triton") else "needs the package triton"


@cache
def _unsupported_cell(cell: Cell) -> str | None:
    if len(cell.gates) > MAX_GATES:
        return f"the cell has {len(cell.gates)} gates, more than {MAX_GATES}"
    if reason := untraceable_reason(cell):
        return reason
    try:
        kernels(cell)
    except UnsupportedOperationError as error:
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
    """`unroll` in one launch; with `recompute`, the backward pass recomputes about sqrt(T) chunks from their states."""
    store = torch.is_grad_enabled() and not recompute
    arguments = pack(inputs, state or (), weights)
    size = math.isqrt(inputs.shape[1]) if recompute else inputs.shape[1]
    outputs: Tensors = _TritonFunction.apply(cell, reset_mask, size, store, *arguments)  # type: ignore[no-untyped-call]
    return RNNOutput(outputs[: len(cell.state)], outputs[len(cell.state) :])


class _TritonFunction(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, cell: Cell, reset_mask: Tensor | None, chunk_size: int, store: bool, *tensors: Tensor
    ) -> Tensors:
        inputs, state, weights = unpack(cell, tensors)
        B, T, _ = inputs.shape
        states = tuple(inputs.new_empty(T + 1, B, weights.weight_hh.shape[1]) for _ in cell.state)
        for index, part in enumerate(states):
            part[0] = state[index] if state else 0
        keep_mask = None if reset_mask is None else (~reset_mask.T).float().contiguous()
        forward_pass = ForwardPass(cell, inputs, weights, states, keep_mask)
        saved = forward_pass.run(range(T), save=store)

        outputs = (*(part[1:].transpose(0, 1) for part in states), *(part[T].clone() for part in states))
        chunks = [range(start, min(start + chunk_size, T)) for start in range(0, T, chunk_size)]
        ctx.cell, ctx.reset_mask, ctx.chunks, ctx.saved, ctx.states = cell, reset_mask, chunks, saved, states
        ctx.keep_mask = keep_mask
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
        forward_pass = ForwardPass(cell, inputs, weights, states, ctx.keep_mask)
        backward_pass = BackwardPass(forward_pass, d_outputs, with_inputs=ctx.needs_input_grad[4])
        saved, ctx.saved = ctx.saved, None  # a second backward pass recomputes them
        for chunk in reversed(ctx.chunks):
            backward_pass.run(chunk, saved)
        d_initial_state = backward_pass.d_state[: len(state)]
        gradients = backward_pass.d_inputs, *d_initial_state, *backward_pass.d_weights, *backward_pass.d_extra
        return None, None, None, None, *gradients
