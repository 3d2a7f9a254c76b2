"""Private operations of torch, all that the package uses, each with a net for a torch that changed or removed it.

`pyproject.toml` bounds torch by the releases that were tested. Beyond them, the public operation takes over.

    mkldnn._linear_pointwise            a linear layer by oneDNN, for large ones faster than the BLAS of `linear`
    mkldnn._is_mkldnn_bf16_supported    whether bfloat16 is emulated: there is no public question
    _foreach_lerp_                      a moving average of all weights in one call, not one a tensor
    _inductor.compile                   a kernel that is called without `torch.compile`'s checks at every time step,
                                        which take as long as the kernel saves
    forward_ad._current_level           whether derivatives are computed forwards, which no engine in C++ can
    Module._forward_hooks, ._forward_pre_hooks, ._backward_hooks, ._backward_pre_hooks
    Tensor._backward_hooks, ._post_accumulate_grad_hooks
                                        whether something watches a layer or a weight, or changes its gradient, which
                                        an engine in C++ would pass by
    _higher_order_ops.scan              a loop over time as one operation, in an exported graph

Experimental, but public: `torch.fx.experimental.proxy_tensor.make_fx`, which traces a cell's step.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.fx import GraphModule
from torch.nn.functional import linear

LinearOp = Callable[[Tensor, Tensor, Tensor | None], Tensor]


HOOKS = (
    *("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"),
    "_post_accumulate_grad_hooks",
)
"""Attributes of modules and parameters that hold their hooks."""


@cache
def onednn_linear() -> LinearOp | None:
    """Linear layer by oneDNN for float32 on a CPU; None if this torch has none, or one with other arguments or results.

    It takes rows [B, inputs], weight [outputs, inputs] and bias [outputs] or None.
    """
    # Small integers, so that the results are exact whatever the order of the sums.
    numbers = torch.arange(12, device="cpu", dtype=torch.float32)
    rows, weight, bias = numbers[:6].view(2, 3), numbers.view(4, 3), numbers[:4]
    try:
        operation: Any = torch.ops.mkldnn._linear_pointwise

        def onednn(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
            result: Tensor = operation(rows, weight, bias, "none", [], "")
            return result

        with torch.autocast("cpu", enabled=False):
            equal = all(torch.equal(onednn(rows, weight, b), linear(rows, weight, b)) for b in (bias, None))
    except (AttributeError, RuntimeError, TypeError):
        return None
    return onednn if equal else None


def forward_gradients_enabled() -> bool:
    """Whether torch computes derivatives forwards (`torch.autograd.forward_ad`); True if torch does not say."""
    level: int = getattr(forward_ad, "_current_level", 0)
    return level >= 0


def has_hooks(network: nn.Module) -> bool:
    """Whether hooks run with the passes of a network, its layers or its parameters; False if torch does not say."""
    owners = *network.modules(), *network.parameters()
    return any(getattr(owner, name, None) for owner in owners for name in HOOKS)


def has_bfloat16() -> bool:
    """Whether oneDNN multiplies bfloat16 on this CPU without emulation; True if torch does not say."""
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    except (AttributeError, RuntimeError, TypeError):
        return True


def lerp_all(tensors: Sequence[Tensor], ends: Sequence[Tensor], weight: float) -> None:
    """Move each tensor in place towards its end: t + weight (end - t)."""
    operation: Any = getattr(torch, "_foreach_lerp_", None)
    if operation is not None:
        operation(list(tensors), list(ends), weight)
        return
    for tensor, end in zip(tensors, ends, strict=True):
        tensor.lerp_(end, weight)


def compile_graph(graph: GraphModule, examples: Sequence[Tensor]) -> Callable[..., Any]:
    """Compiled graph for arguments like `examples`.

    Raises:
        ImportError: this torch does not have it. The caller runs the graph as it is.
        Exception: it finds no compiler, for which it raises many types.
    """
    from torch._inductor import compile as inductor  # importing it takes seconds, and few runs need it

    compiled: Callable[..., Any] = inductor(graph, list(examples))
    return compiled


def scan_operation() -> Callable[..., Any] | None:
    """Loop over the first axis as one operation of a graph; None if this torch has none."""
    try:
        from torch._higher_order_ops.scan import scan  # imports the compiler, which takes seconds
    except ImportError:
        return None
    operation: Callable[..., Any] = scan
    return operation
