"""Trace of a cell's step and of its vector-Jacobian product, as a graph of torch operations."""

import inspect
from collections.abc import Callable
from functools import cache, partial
from textwrap import shorten
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

from palingen.recurrence.cells import Cell

MAX_ERROR = 120
"""Characters of the error of a trace in a message."""


class TraceSize(NamedTuple):
    """Size of the tensors of a trace."""

    B: int
    """Sequences."""

    H: int
    """Hidden units."""


@cache
def untraceable_reason(cell: Cell) -> str | None:
    """Reason why a step must not be computed again for its gradient, nor from a trace, or None.

    A trace has one branch only, so that torch refuses to trace a step that branches on the values of a tensor. Random
    numbers would be drawn again, and the gradient would be that of another step.
    """
    try:
        with torch.random.fork_rng(devices=[]):  # a trace executes the step
            graph = trace_step(cell, only_sum=False, size=TraceSize(B=3, H=5)).graph
    except Exception as error:  # of a user's step, which may raise anything
        branches = "data-dependent" in str(error)
        cause = "it branches on the values of a tensor" if branches else f"{type(error).__name__}: {error}"
        return f"the step cannot be traced ({shorten(cause, MAX_ERROR, placeholder=' ...')})"
    for node in graph.nodes:
        if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
            return f"the step draws random numbers ({node.target}), which its gradient would draw again"
    return None


def trace_step(cell: Cell, only_sum: bool, size: TraceSize) -> GraphModule:
    """Graph of `(*projections, *state, *extra, *d_next) -> (*next, *d_projections, *d_state, *d_extra)`.

    Args:
        cell: the cell.
        only_sum: the projections are x_proj + h_proj alone, instead of x_proj and h_proj.
        size: size of the tensors.
    """
    step: Callable[..., Any] = inspect.unwrap(cell.step)  # a type checker around the step cannot be traced
    projections, states, extras = 1 if only_sum else 2, len(cell.state), len(cell.extra_weights)
    num_inputs = projections + states + extras

    def forward(*inputs: Tensor) -> Any:
        x_proj, h_proj = inputs[:2] if projections == 2 else (inputs[0], inputs[0].new_zeros(()))
        state, extra = inputs[projections : projections + states], inputs[projections + states :]
        return step(x_proj, h_proj, state, *extra)

    def forward_and_backward(*tensors: Tensor) -> list[Tensor]:
        next_state, vjp = torch.func.vjp(forward, *tensors[:num_inputs])[:2]
        return [*next_state, *vjp(tensors[num_inputs:])]

    # Values do not matter. Random ones would advance the generator from which a script draws its dropout masks.
    zeros = partial(torch.zeros, dtype=torch.float32)  # in which the engines compute, whatever the default is
    stacked = [zeros(size.B, len(cell.gates) * size.H) for _ in range(projections)]
    single = [zeros(size.B, size.H) for _ in range(states + extras + states)]
    return make_fx(forward_and_backward)(*stacked, *single)
