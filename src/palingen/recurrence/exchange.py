"""Weights from and into torch's own recurrent layers, exact both ways.

torch keeps two biases a gate, which only ever act as their sum: here is one. The sum is taken on the way in; on the
way out the second is zero. The GRU's candidate is the exception (see `cells.gru`): its hidden bias stays apart.
"""

import torch
from torch import nn

from palingen.recurrence.cells import CELLS
from palingen.recurrence.network import Recurrent

MODES = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN_TANH"}
"""Our cell's name to the `mode` of the torch layer with the same equations."""


def load_torch(ours: Recurrent, layer: nn.RNNBase) -> None:
    """Copy the weights of a torch layer into `ours`.

    Raises:
        ValueError: the two have different equations, sizes or layers.
    """
    _check(ours, layer)
    with torch.no_grad():
        hidden_bias = layer.bias_hh_l0.detach().clone()
        if "b_hn" in ours.extras:
            candidate = slice(2 * ours.hidden, None)
            ours.extras["b_hn"].copy_(hidden_bias[candidate])
            hidden_bias[candidate] = 0
        ours.input_weight.copy_(layer.weight_ih_l0)
        ours.hidden_weight.copy_(layer.weight_hh_l0)
        ours.bias.copy_(layer.bias_ih_l0 + hidden_bias)


def store_torch(ours: Recurrent, layer: nn.RNNBase) -> None:
    """Copy the weights of `ours` into a torch layer.

    Raises:
        ValueError: the two have different equations, sizes or layers.
    """
    _check(ours, layer)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(ours.input_weight)
        layer.weight_hh_l0.copy_(ours.hidden_weight)
        layer.bias_ih_l0.copy_(ours.bias)
        layer.bias_hh_l0.zero_()
        if "b_hn" in ours.extras:
            layer.bias_hh_l0[2 * ours.hidden :] = ours.extras["b_hn"]


def _check(ours: Recurrent, layer: nn.RNNBase) -> None:
    name = next((name for name, cell in CELLS.items() if cell is ours.cell), "a cell of your own")
    if MODES.get(name) != layer.mode:
        raise ValueError(f"cell: {name!r} has other equations than torch's {layer.mode}")
    if (ours.input_dim, ours.hidden) != (layer.input_size, layer.hidden_size):
        raise ValueError(
            f"sizes: {ours.input_dim} inputs and {ours.hidden} hidden units here, "
            f"{layer.input_size} and {layer.hidden_size} in the torch layer"
        )
    if layer.num_layers != 1 or layer.bidirectional or not layer.bias or layer.proj_size:
        raise ValueError("layer: one layer, one direction, with biases and without projection can be exchanged")
