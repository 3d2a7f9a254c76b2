"""Backward pass in C++: memory of its results, and its arguments.

B  sequences      T  steps      I  inputs      H  hidden units      D  directions
"""

from torch import Tensor

from palingen.recurrence.engines.native.arguments import (
    NO_STEPS,
    GradientArgs,
    per_state,
    pointer,
    pointers,
    steps_of,
    to_bytes,
)
from palingen.recurrence.engines.native.call import Call, Tensors
from palingen.recurrence.engines.native.forward_pass import ForwardPass

Gradients = tuple[Tensor | None, ...]


def run_backward(
    call: Call,
    tensors: Tensors,
    forward: ForwardPass,
    d_outputs: Gradients,
    *,
    recompute: bool,
    needs_inputs: bool,
) -> Gradients:
    """Gradient of each tensor of a call.

    Args:
        call: arguments beside the tensors.
        tensors: inputs, initial state and weights.
        forward: the forward pass.
        d_outputs: gradient of each of its outputs, or None.
        recompute: whether values are computed again, because they were not saved or are those of another run by now.
        needs_inputs: whether the gradient of the inputs is needed.
    """
    num_states, (T, B, H, I, _, _) = len(call.cell.state), forward.sizes
    d_steps = [d if d is None or d.stride(2) in (0, 1) else d.contiguous() for d in d_outputs[:-num_states]]
    d_final_state = [d if d is None else d.contiguous() for d in d_outputs[-num_states:]]
    inputs, state, weights = call.unpack(tensors)
    d_weights = [
        tuple(inputs.new_empty(weight.shape) for weight in direction[:3])
        + (inputs.new_empty(len(direction.extra), H),) * bool(direction.extra)
        for direction in weights
    ]
    d_state = [inputs.new_empty(part.shape) for part in state]
    d_inputs = inputs.new_empty(T, B, I) if needs_inputs else None
    runs = []
    for d, (d_weight_ih, d_weight_hh, d_bias, *d_extra) in enumerate(d_weights):
        steps = [NO_STEPS if each is None else steps_of(each, d, H) for each in d_steps]
        runs.append(
            GradientArgs(
                *map(per_state, zip(*steps, strict=True)),
                *(pointers(d_final_state, d * B * H), pointer(d_weight_hh), pointer(d_weight_ih), pointer(d_bias)),
                *(pointer(d_extra[0]) if d_extra else 0, pointers(d_state, d * B * H)),
                *(NO_STEPS if d_inputs is None else steps_of(d_inputs, d))[:3],
                *(d, recompute),
            )
        )
    call.code.backward(forward.arguments, to_bytes(runs), call.directions)
    all_weights = (part for three in d_weights for part in (*three[:3], *(three[3] if len(three) > 3 else ())))
    return d_inputs, *d_state, *all_weights
