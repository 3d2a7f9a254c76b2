"""Minimal gated unit (Zhou et al. 2016): a GRU with one gate instead of two."""

from torch import sigmoid, tanh

from palingen import Cell


def step(x_proj, h_proj, state):
    (h,) = state
    (x_z, x_n), (h_z, h_n) = x_proj.chunk(2, dim=-1), h_proj.chunk(2, dim=-1)
    z = sigmoid(x_z + h_z)  # 1 keeps the past, 0 forgets it
    n = tanh(x_n + (1 - z) * h_n)
    return (z * h + (1 - z) * n,)


MinimalGatedUnit = Cell(step, gates=("z", "n"), forget_gate="z")
