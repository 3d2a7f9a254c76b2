"""One step of any pointwise cell, and its vector-Jacobian product, each compiled to a kernel that writes in place.

Both take the cell's projections: x_proj and h_proj, or only their sum if the cell uses nothing else.
"""

import inspect
import sys
from collections.abc import Callable
from functools import cache, partial
from itertools import islice

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from palingen.recurrence.cells import Cell, State
from palingen.runtime.torch_private import compile_graph

Tensors = tuple[Tensor, ...]
Kernel = Callable[..., None]


@cache
def compiled_kernels(cell: Cell, B: int, H: int, dtype: torch.dtype, device: torch.device) -> tuple[Kernel, Kernel]:
    """Kernels of the step and of its gradient for one batch size.

    step      (*projections, *state, *extra, *next)
    gradient  (*projections, *state, *extra, *d_next, *d_projections, *d_state, *d_extra)

    They write to `next`, `d_projections` and `d_state`, and add to `d_extra`. In `gradient`, `extra` is [B, H].
    """
    stacked = torch.zeros(B, len(cell.gates) * H, dtype=dtype, device=device)
    single = torch.zeros(B, H, dtype=dtype, device=device)
    projections = [stacked] * (1 if uses_only_sum(cell) else 2)
    state, extra = [single] * len(cell.state), [single] * len(cell.extra_weights)
    per_unit = [single[0]] * len(extra)
    return (
        _compile(partial(_step, cell), [*projections, *state, *per_unit, *state]),
        _compile(partial(_gradient, cell), [*projections, *state, *extra, *state, *projections, *state, *extra]),
    )


@cache
def uses_only_sum(cell: Cell) -> bool:
    """Whether the step uses x_proj and h_proj only in their sum, which saves a buffer for all time steps."""
    stacked, single = torch.zeros(2, 2 * len(cell.gates)), torch.zeros(2, 2)
    state, extra = (single,) * len(cell.state), [single[0]] * len(cell.extra_weights)
    step = _unchecked_step(cell)
    traced = make_fx(lambda x_proj, h_proj: step(x_proj, h_proj, state, *extra))(stacked, stacked.clone())
    x_proj, h_proj = (node for node in traced.graph.nodes if node.op == "placeholder")
    users = {*x_proj.users, *h_proj.users}
    if len(users) != 1:
        return False
    (user,) = users
    return user.target == torch.ops.aten.add.Tensor and {*user.args} == {x_proj, h_proj} and not user.kwargs


def _step(cell: Cell, *tensors: Tensor) -> None:
    projections, state, extra, next_state = _split(cell, tensors, "projections", "state", "extra", "state")
    for out, part in zip(next_state, _unchecked_step(cell)(*_both(projections), state, *extra), strict=True):
        out.copy_(part)


def _gradient(cell: Cell, *tensors: Tensor) -> None:
    names = "projections", "state", "extra", "state", "projections", "state", "extra"
    projections, state, extra, d_next, *outputs = _split(cell, tensors, *names)
    step = _unchecked_step(cell)
    vjp = torch.func.vjp(lambda projections, *rest: step(*_both(projections), *rest), projections, state, *extra)[1]
    d_projections, d_state, *d_extra = vjp(d_next)
    d_projections_out, d_state_out, d_extra_sum = outputs
    for out, part in zip((*d_projections_out, *d_state_out), (*d_projections, *d_state), strict=True):
        out.copy_(part)
    for total, part in zip(d_extra_sum, d_extra, strict=True):
        total.add_(part)


def _both(projections: Tensors) -> tuple[Tensor, Tensor]:
    """x_proj and h_proj; zero for h_proj if there is only the sum."""
    return (projections[0], projections[1]) if len(projections) == 2 else (projections[0], projections[0].new_zeros(()))


def _unchecked_step(cell: Cell) -> Callable[..., State]:
    """Step without a type checker around it, which could not be traced."""
    return inspect.unwrap(cell.step)


def _split(cell: Cell, tensors: Tensors, *names: str) -> list[Tensors]:
    """Groups of a kernel's arguments."""
    projections = 1 if uses_only_sum(cell) else 2
    counts = {"projections": projections, "state": len(cell.state), "extra": len(cell.extra_weights)}
    remaining = iter(tensors)
    return [tuple(islice(remaining, counts[name])) for name in names]


def _compile(function: Kernel, examples: list[Tensor]) -> Kernel:
    """Compiled `function` for arguments like `examples`; `function` itself, with a warning, without a compiler."""
    examples = [tensor.clone() for tensor in examples]
    try:
        compiled: Kernel = compile_graph(make_fx(function)(*examples), examples)
        compiled(*examples)
    except Exception as error:  # inductor raises many types where it finds no compiler
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        _warn_once(f"engine compiled: the step is not compiled, so it is slower ({reason})")
        return function
    return compiled


@cache
def _warn_once(message: str) -> None:
    print(message, file=sys.stderr)
