"""Any pointwise cell over a whole sequence: its step and the step's gradient compiled, only what must be in the loop.

The inputs' part is one product before the loop. In the loop remain h W_h and the step; in the loop backwards, the chain
of dL/dh. All weights' gradients are products over all steps afterwards. One step is compiled, never the loop, so a
longer sequence costs no more compiling.

B  sequences      T  steps      I  inputs      H  hidden units      GH  gates times H
"""

import math
from typing import Any

import torch
from torch import Tensor

from palingen.recurrence.cells import Cell, State
from palingen.recurrence.engines.again import gradients_by_equations, pack, unpack
from palingen.recurrence.engines.kernels import kernels, only_adds
from palingen.recurrence.engines.pool import POOL
from palingen.recurrence.unroll import Unrolled, Weights

Tensors = tuple[Tensor, ...]


def missing(cell: Cell, inputs: Tensor) -> str | None:
    """Why the fused engine cannot run this: it can run everything."""
    return None


def run(
    cell: Cell, weights: Weights, inputs: Tensor, state: State | None, resets: Tensor | None, *, recompute: bool = False
) -> Unrolled:
    """As `unroll`; with `recompute`, backward makes the projections again instead of keeping them."""
    parts = len(cell.state)
    store = torch.is_grad_enabled() and not recompute
    made: Tensors = _Fused.apply(cell, resets, recompute, store, *pack(inputs, state or (), weights))  # type: ignore[no-untyped-call]
    return Unrolled(made[:parts], made[parts:])


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, cell: Cell, resets: Tensor | None, recompute: bool, store: bool, *tensors: Tensor) -> Tensors:
        inputs, state, weights = unpack(cell, tensors)
        B, T, _ = inputs.shape
        H = weights.hidden.shape[1]
        step, _ = kernels(cell, B, H, inputs.dtype, inputs.device)
        states = tuple(inputs.new_empty(T + 1, B, H) for _ in cell.state)
        for part, first in zip(states, state or [inputs.new_zeros(())] * len(states), strict=True):
            part[0] = first
        ctx.cell, ctx.resets, ctx.states, ctx.from_rest = cell, resets, states, not state
        ctx.keep = None if resets is None else (~resets.T).unsqueeze(2).to(inputs.dtype)
        ctx.pieces = _pieces(T, recompute)
        ctx.parts = []
        for piece in ctx.pieces:
            parts = _project(cell, weights, inputs, piece)
            for t in piece:
                now = _recur(ctx, weights, parts, piece, t)
                step(*now, *_past(ctx, t), *weights.extras, *(part[t + 1] for part in states))
            if store:
                ctx.parts.append(parts)
            else:
                POOL.give(*parts)

        made = (*(part[1:].transpose(0, 1) for part in states), *(part[T].clone() for part in states))
        ctx.save_for_backward(*tensors, *made[: len(states)])
        ctx.set_materialize_grads(False)
        return made

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        cell, states = ctx.cell, ctx.states
        tensors = ctx.saved_tensors[: -len(states)]
        if torch.is_grad_enabled():  # somebody wants to differentiate the gradients
            return None, None, None, None, *gradients_by_equations(cell, tensors, ctx.resets, gradients)
        inputs, state, weights = unpack(cell, tensors)
        B, _, _ = inputs.shape
        _, gradient = kernels(cell, B, weights.hidden.shape[1], inputs.dtype, inputs.device)
        extras = tuple(extra.expand(B, -1).contiguous() for extra in weights.extras)
        d_extras = tuple(torch.zeros_like(part) for part in extras)
        d_inputs = torch.empty_like(inputs) if ctx.needs_input_grad[4] else None
        d_weights = [torch.zeros_like(weight, memory_format=torch.contiguous_format) for weight in weights[:3]]
        every, last = gradients[: len(states)], gradients[len(states) :]
        d_state = [
            torch.zeros_like(part[0]) if end is None else end.clone(memory_format=torch.contiguous_format)
            for part, end in zip(states, last, strict=True)
        ]
        d_past = [torch.empty_like(part) for part in d_state]
        for piece in reversed(ctx.pieces):
            parts = ctx.parts.pop() if ctx.parts else None
            stored = parts is not None
            parts = parts or _project(cell, weights, inputs, piece)
            d_parts = tuple(POOL.take(part.shape, part) for part in parts)
            for t in reversed(piece):
                now = _at(parts, piece, t) if stored else _recur(ctx, weights, parts, piece, t)
                for part, arriving in zip(d_state, every, strict=True):
                    if arriving is not None:
                        part += arriving[:, t]
                d_now = _at(d_parts, piece, t)
                gradient(*now, *_past(ctx, t), *extras, *d_state, *d_now, *d_past, *d_extras)
                d_state, d_past = d_past, d_state
                if t > 0 or state:
                    d_state[0].addmm_(d_now[-1], weights.hidden)
                if ctx.keep is not None:
                    for part in d_state:
                        part *= ctx.keep[t]
            steps = slice(piece.start, piece.stop)
            hidden = states[0][steps] if ctx.keep is None else states[0][steps] * ctx.keep[steps]
            _add_outer(d_weights[0], d_parts[0], inputs[:, steps].transpose(0, 1))
            _add_outer(d_weights[1], d_parts[-1], hidden)
            d_weights[2] += d_parts[0].sum((0, 1))
            if d_inputs is not None:
                d_inputs[:, steps] = (d_parts[0] @ weights.input).transpose(0, 1)
            POOL.give(*parts, *d_parts)
        d_first = d_state[: len(state)]
        return None, None, None, None, d_inputs, *d_first, *d_weights, *(part.sum(0) for part in d_extras)


def _pieces(T: int, recompute: bool) -> list[range]:
    """The steps in one piece; in about sqrt(T) pieces where each is to be made again, which takes the least memory."""
    size = math.isqrt(T) if recompute else T
    return [range(first, min(first + size, T)) for first in range(0, T, size)]


def _project(cell: Cell, weights: Weights, inputs: Tensor, piece: range) -> Tensors:
    """Buffers [steps, B, GH] for the two parts, the inputs' made; a cell that only adds them needs one for both."""
    shape = (len(piece), len(inputs), len(weights.bias))
    x_parts = POOL.take(shape, inputs)
    rows = inputs[:, piece.start : piece.stop].transpose(0, 1).reshape(-1, inputs.shape[2])
    torch.addmm(weights.bias, rows, weights.input.T, out=x_parts.view(len(rows), -1))
    return (x_parts,) if only_adds(cell) else (x_parts, POOL.take(shape, inputs))


def _recur(ctx: Any, weights: Weights, parts: Tensors, piece: range, t: int) -> Tensors:
    """Both parts of step t, or their sum, with the product of the past done."""
    now = _at(parts, piece, t)
    if t == 0 and ctx.from_rest:
        if len(parts) == 2:
            now[1].zero_()
    elif len(parts) == 2:
        torch.mm(_past(ctx, t)[0], weights.hidden.T, out=now[1])
    else:
        now[0].addmm_(_past(ctx, t)[0], weights.hidden.T)
    return now


def _at(parts: Tensors, piece: range, t: int) -> Tensors:
    return tuple(part[t - piece.start] for part in parts)


def _past(ctx: Any, t: int) -> Tensors:
    """The state before step t, as that step sees it."""
    return tuple(part[t] if ctx.keep is None else part[t] * ctx.keep[t] for part in ctx.states)


def _add_outer(total: Tensor, gradients: Tensor, past: Tensor) -> None:
    """Add the outer products of all steps and sequences, in one product."""
    total.addmm_(gradients.flatten(0, 1).T, past.flatten(0, 1))
