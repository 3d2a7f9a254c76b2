"""Native engine: the whole time loop in C++ (`recurrence.cpp`), compiled at first use; float32 on a CPU.

B  sequences      T  steps      I  inputs      H  hidden units      D  directions
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from palingen.recurrence.cells import Cell, State
from palingen.recurrence.engines.directions import LayerOutput
from palingen.recurrence.engines.double_backward import differentiate
from palingen.recurrence.engines.native.backward_pass import Gradients, run_backward
from palingen.recurrence.engines.native.call import Call, Tensors, weight_tensors
from palingen.recurrence.engines.native.forward_pass import release_saved_values, run_forward
from palingen.recurrence.engines.native.library import load_cell
from palingen.recurrence.unroll import CellWeights, RNNOutput
from palingen.runtime.torch_private import forward_gradients_enabled


def run(
    cell: Cell,
    weights: CellWeights,
    inputs: Tensor,
    state: State | None,
    reset_mask: Tensor | None,
    *,
    recompute: bool = False,
    precision: str = "float32",
) -> RNNOutput:
    """`unroll` in C++; with `recompute`, the backward pass recomputes each step instead of reading saved values.

    With `precision` bfloat16, the factors of all products are rounded; sums, states, gates and second derivatives are
    in float32.
    """
    call = Call(cell, load_cell(cell, precision), reset_mask, recompute)
    outputs = _apply(call, (inputs.transpose(0, 1), *(state or ()), *weight_tensors(weights)))
    states, final_state = outputs[: len(cell.state)], outputs[len(cell.state) :]
    return RNNOutput(tuple(part.transpose(0, 1) for part in states), final_state)


def run_layer(
    cell: Cell, weights: Sequence[CellWeights], inputs: Tensor, state: State | None, *, precision: str = "float32"
) -> LayerOutput:
    """`run_directions` in C++: each direction reads and writes its steps where they lie, in its own order of time.

    Without gradients, no states but the outputs are kept.
    """
    call = Call(cell, load_cell(cell, precision), is_layer=True, directions=len(weights))
    outputs = _apply(call, (inputs, *(state or ()), *(tensor for each in weights for tensor in weight_tensors(each))))
    return outputs[0], outputs[1:]


def _apply(call: Call, tensors: Tensors) -> Tensors:
    is_differentiable = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    if is_differentiable or forward_gradients_enabled():
        outputs: Tensors = _NativeFunction.apply(call, *tensors)  # type: ignore[no-untyped-call]
        return outputs
    return run_forward(call, tensors, keep=not call.is_layer, save=False).outputs


class _NativeFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, call: Call, *tensors: Tensor) -> Tensors:
        forward_pass = run_forward(call, tensors, keep=True, save=not call.recompute)
        outputs, ctx.saved_values = forward_pass.outputs, forward_pass.saved_values
        # Outputs refer to this node: with a reference to them, memory would wait for the garbage collector.
        ctx.call, ctx.forward_pass = call, forward_pass._replace(outputs=(), saved_values=None)
        # States that lie in the buffers must not be changed before the backward pass.
        ctx.num_tensors = len(tensors)
        ctx.save_for_backward(*tensors, *(() if call.is_layer else outputs[: len(call.cell.state)]))
        ctx.set_materialize_grads(False)
        return outputs

    @staticmethod
    def backward(ctx: Any, *d_outputs: Tensor | None) -> Gradients:
        call, saved_values = ctx.call, ctx.saved_values
        tensors = ctx.saved_tensors[: ctx.num_tensors]
        if torch.is_grad_enabled():  # double backward
            return None, *differentiate(call.reference, tensors, d_outputs)
        is_first = saved_values is not None  # a second backward pass through the graph recomputes
        options = {"recompute": not is_first, "needs_inputs": ctx.needs_input_grad[1]}
        gradients = run_backward(call, tensors, ctx.forward_pass, d_outputs, **options)
        if is_first:
            release_saved_values(saved_values)
            ctx.saved_values = None
        return None, *gradients
