"""Recurrent cells: each is one pure step, under its equations.

A step takes the projections of the input and of the hidden state, and the state, and returns the next state, h first:

    x_proj = W_x x(t) + b      h_proj = W_h h(t-1)      the gates stacked in the order of `gates`

    B  sequences      H  hidden units      GH  gates times H

To add a cell, write its step and add it to `CELLS` and `CellName`. Training, engines, flags and tests follow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor, sigmoid, tanh

Hidden = Float[Tensor, "B H"]
Stacked = Float[Tensor, "B GH"]
PerUnit = Float[Tensor, " H"]
State = tuple[Tensor, ...]


@dataclass(frozen=True)
class Cell:
    """Recurrent cell: its step, and the names of its gates, states and weights."""

    step: Callable[..., State]
    """`(x_proj, h_proj, state, *extra_weights) -> state`, pointwise and pure."""

    gates: tuple[str, ...]
    """Names of the stacked gates, in torch's order."""

    state: tuple[str, ...] = ("h",)
    """Names of the parts of the state, h first."""

    extra_weights: tuple[str, ...] = ()
    """Names of further weights, one number per unit, passed to the step in this order."""

    forget_gate: str | None = None
    """Gate that keeps the past when open."""

    input_gate: str | None = None
    """Gate that admits the input when open, if it is another gate."""


def rnn(x_proj: Hidden, h_proj: Hidden, state: tuple[Hidden]) -> tuple[Hidden]:
    """Simple recurrent network (Elman 1990).

    h(t) = tanh(W_hx x(t) + W_hh h(t-1) + b_h)
    """
    return (tanh(x_proj + h_proj),)


def lstm(x_proj: Stacked, h_proj: Stacked, state: tuple[Hidden, Hidden]) -> tuple[Hidden, Hidden]:
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate of Gers et al. 2000).

    g(t) = tanh(W_gx x(t) + W_gh h(t-1) + b_g)        (1)
    i(t) = sigma(W_ix x(t) + W_ih h(t-1) + b_i)       (2)
    f(t) = sigma(W_fx x(t) + W_fh h(t-1) + b_f)       (3)
    o(t) = sigma(W_ox x(t) + W_oh h(t-1) + b_o)       (4)
    c(t) = g(t) * i(t) + c(t-1) * f(t)                (5)
    h(t) = tanh(c(t)) * o(t)                          (6)
    """
    _, c = state
    i, f, g, o = (x_proj + h_proj).chunk(4, dim=-1)
    g, i, f, o = tanh(g), sigmoid(i), sigmoid(f), sigmoid(o)  # (1)-(4)
    c = g * i + c * f  # (5)
    h = tanh(c) * o  # (6)
    return h, c


def gru(x_proj: Stacked, h_proj: Stacked, state: tuple[Hidden], b_hn: PerUnit) -> tuple[Hidden]:
    """Gated recurrent unit (Cho et al. 2014), with the reset gate after the recurrent product, as in cuDNN and torch.

        r(t) = sigma(W_rx x(t) + W_rh h(t-1) + b_r)
        z(t) = sigma(W_zx x(t) + W_zh h(t-1) + b_z)
        n(t) = tanh(W_nx x(t) + b_n + r(t) * (W_nh h(t-1) + b_hn))
        h(t) = (1 - z(t)) * n(t) + z(t) * h(t-1)

    The candidate n has a second bias b_hn, because r multiplies it.
    """
    (h,) = state
    x_r, x_z, x_n = x_proj.chunk(3, dim=-1)
    h_r, h_z, h_n = h_proj.chunk(3, dim=-1)
    r = sigmoid(x_r + h_r)
    z = sigmoid(x_z + h_z)
    n = tanh(x_n + r * (h_n + b_hn))
    return ((1 - z) * n + z * h,)


def peephole(
    x_proj: Stacked, h_proj: Stacked, state: tuple[Hidden, Hidden], p_i: PerUnit, p_f: PerUnit, p_o: PerUnit
) -> tuple[Hidden, Hidden]:
    """LSTM with peephole connections (Gers & Schmidhuber 2000).

    g(t) = tanh(W_gx x(t) + W_gh h(t-1) + b_g)
    i(t) = sigma(W_ix x(t) + W_ih h(t-1) + p_i * c(t-1) + b_i)
    f(t) = sigma(W_fx x(t) + W_fh h(t-1) + p_f * c(t-1) + b_f)
    c(t) = g(t) * i(t) + c(t-1) * f(t)
    o(t) = sigma(W_ox x(t) + W_oh h(t-1) + p_o * c(t) + b_o)
    h(t) = tanh(c(t)) * o(t)
    """
    _, c = state
    i, f, g, o = (x_proj + h_proj).chunk(4, dim=-1)
    g, i, f = tanh(g), sigmoid(i + p_i * c), sigmoid(f + p_f * c)
    c = g * i + c * f
    o = sigmoid(o + p_o * c)
    h = tanh(c) * o
    return h, c


CellName = Literal["rnn", "lstm", "gru", "peephole"]

CELLS: dict[str, Cell] = {
    "rnn": Cell(rnn, gates=("h",)),
    "lstm": Cell(lstm, gates=("i", "f", "g", "o"), state=("h", "c"), forget_gate="f", input_gate="i"),
    "gru": Cell(gru, gates=("r", "z", "n"), extra_weights=("b_hn",), forget_gate="z"),
    "peephole": Cell(
        peephole,
        gates=("i", "f", "g", "o"),
        state=("h", "c"),
        extra_weights=("p_i", "p_f", "p_o"),
        forget_gate="f",
        input_gate="i",
    ),
}
