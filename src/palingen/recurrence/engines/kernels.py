"""One step of any pointwise cell, and its vector-Jacobian product, each compiled to a kernel that writes in place."""

import inspect
import sys
from collections.abc import Callable
from functools import cache, partial
from itertools import islice

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from palingen.recurrence.cells import Cell, State

Tensors = tuple[Tensor, ...]
Kernel = Callable[..., None]


@cache
def kernels(cell: Cell, B: int, H: int, dtype: torch.dtype, device: torch.device) -> tuple[Kernel, Kernel]:
    """The step and its gradient for one size of batch.

    step      (*parts, *state, *extras, *out)                           the next state into `out`
    gradient  (*parts, *state, *extras, *d_state, *d_parts, *d_past, *sums)    into the last three; `sums` are added to

    `parts` are x_part and h_part, or their sum where the cell only adds them; in `gradient`, `extras` are [B, H].
    """
    wide = torch.zeros(B, len(cell.gates) * H, dtype=dtype, device=device)
    narrow = torch.zeros(B, H, dtype=dtype, device=device)
    parts, state, extras = [wide] * (2 - only_adds(cell)), [narrow] * len(cell.state), [narrow] * len(cell.extras)
    one = [narrow[0]] * len(extras)
    return (
        _compiled(partial(_step, cell), [*parts, *state, *one, *state]),
        _compiled(partial(_gradient, cell), [*parts, *state, *extras, *state, *parts, *state, *extras]),
    )


@cache
def only_adds(cell: Cell) -> bool:
    """Whether the step looks at x_part + h_part only, which saves a buffer for all time steps."""
    wide, narrow = torch.zeros(2, 2 * len(cell.gates)), torch.zeros(2, 2)
    state, extras = (narrow,) * len(cell.state), [narrow[0]] * len(cell.extras)
    traced = make_fx(lambda x_part, h_part: _pure(cell)(x_part, h_part, state, *extras))(wide, wide.clone())
    x_part, h_part = (node for node in traced.graph.nodes if node.op == "placeholder")
    users = {*x_part.users, *h_part.users}
    return any(
        node.target == torch.ops.aten.add.Tensor and {*node.args} == {x_part, h_part} and not node.kwargs
        for node in users
        if len(users) == 1
    )


def _step(cell: Cell, *tensors: Tensor) -> None:
    parts, state, extras, out = _split(cell, tensors, "parts", "state", "extras", "state")
    for place, part in zip(out, _pure(cell)(*_both(parts), state, *extras), strict=True):
        place.copy_(part)


def _gradient(cell: Cell, *tensors: Tensor) -> None:
    names = "parts", "state", "extras", "state", "parts", "state", "extras"
    parts, state, extras, d_state, out_parts, out_past, sums = _split(cell, tensors, *names)
    pull_back = torch.func.vjp(lambda parts, *others: _pure(cell)(*_both(parts), *others), parts, state, *extras)[1]
    d_parts, d_past, *d_extras = pull_back(d_state)
    for place, part in zip((*out_parts, *out_past), (*d_parts, *d_past), strict=True):
        place.copy_(part)
    for place, part in zip(sums, d_extras, strict=True):
        place.add_(part)


def _both(parts: Tensors) -> tuple[Tensor, Tensor]:
    return (parts[0], parts[1]) if len(parts) == 2 else (parts[0], parts[0].new_zeros(()))


def _pure(cell: Cell) -> Callable[..., State]:
    """The step without what checks its types at each call, which cannot be traced."""
    return inspect.unwrap(cell.step)


def _split(cell: Cell, tensors: Tensors, *names: str) -> list[Tensors]:
    counts = {"parts": 2 - only_adds(cell), "state": len(cell.state), "extras": len(cell.extras)}
    rest = iter(tensors)
    return [tuple(islice(rest, counts[name])) for name in names]


def _compiled(function: Kernel, like: list[Tensor]) -> Kernel:
    """`function` for arguments like these; as it is, with a line that says so, where nothing compiles it."""
    from torch._inductor import compile as inductor  # importing it takes seconds, and few runs need it

    like = [tensor.clone() for tensor in like]
    try:
        compiled: Kernel = inductor(make_fx(function)(*like), [*like])
        compiled(*like)
    except Exception as error:  # it raises as many kinds as there are ways to lack a compiler
        words = next(iter(str(error).strip().splitlines()), type(error).__name__)
        _say_once(f"engine fused: the step is not compiled, so it is slower ({words})")
        return function
    return compiled


@cache
def _say_once(words: str) -> None:
    print(words, file=sys.stderr)
