"""LSTM with coupled gates (Greff et al. 2017): what it forgets makes room for what it writes."""

from torch import sigmoid, tanh

from palingen import Cell


def step(x_proj, h_proj, state):
    _, c = state
    f, g, o = (x_proj + h_proj).chunk(3, dim=-1)
    f, g, o = sigmoid(f), tanh(g), sigmoid(o)
    c = c * f + g * (1 - f)
    return tanh(c) * o, c


Coupled = Cell(step, gates=("f", "g", "o"), state=("h", "c"), forget_gate="f")
