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
    slices,
    steps_of,
    to_bytes,
)
from palingen.recurrence.engines.native.call import Call, Tensors
from palingen.recurrence.engines.native.forward_pass import ForwardPass

Gradients = tuple[Tensor | None, ...]


def run_backward(
    call: Call, tensors: Tensors, forward: ForwardPass, d_outputs: Gradients, *, recompute: bool, needs_inputs: bool
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
    d_weights = [[inputs.new_empty(weight.shape) for weight in direction[:3]] for direction in weights]
    num_extra = len(weights[0].extra)
    d_extra = inputs.new_empty(call.directions, num_extra, H) if num_extra else None
    d_state = [inputs.new_empty(part.shape) for part in state]
    d_inputs = inputs.new_empty(T, B, I) if needs_inputs else None
    runs = []
    for d, (d_weight_ih, d_weight_hh, d_bias) in enumerate(d_weights):
        steps = [NO_STEPS if each is None else steps_of(each, d, H) for each in d_steps]
        runs.append(
            GradientArgs(  # type: ignore[call-arg]
                *map(per_state, zip(*steps, strict=True)),  # type: ignore[arg-type]
                *(pointers(d_final_state, d * B * H), pointer(d_weight_hh), pointer(d_weight_ih), pointer(d_bias)),
                *(*slices((d_extra,), d), pointers(d_state, d * B * H)),
                *(NO_STEPS if d_inputs is None else steps_of(d_inputs, d))[:3],
                *(d, recompute),
            )
        )
    call.code.backward(forward.arguments, to_bytes(runs), call.directions)
    of_directions = zip(d_weights, [()] * len(weights) if d_extra is None else d_extra, strict=True)
    return d_inputs, *d_state, *(weight for three, extra in of_directions for weight in (*three, *extra))
