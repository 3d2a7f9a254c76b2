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
    theirs, candidate = _weights(ours, layer)
    with torch.no_grad():
        hidden_bias = theirs["bias_hh_l0"].clone()
        for bias in ours.extras.values():
            bias.copy_(hidden_bias[candidate])
            hidden_bias[candidate] = 0
        ours.input_weight.copy_(theirs["weight_ih_l0"])
        ours.hidden_weight.copy_(theirs["weight_hh_l0"])
        ours.bias.copy_(theirs["bias_ih_l0"] + hidden_bias)


def store_torch(ours: Recurrent, layer: nn.RNNBase) -> None:
    """Copy the weights of `ours` into a torch layer.

    Raises:
        ValueError: the two have different equations, sizes or layers.
    """
    theirs, candidate = _weights(ours, layer)
    with torch.no_grad():
        theirs["weight_ih_l0"].copy_(ours.input_weight)
        theirs["weight_hh_l0"].copy_(ours.hidden_weight)
        theirs["bias_ih_l0"].copy_(ours.bias)
        theirs["bias_hh_l0"].zero_()
        for bias in ours.extras.values():
            theirs["bias_hh_l0"][candidate] = bias


def _weights(ours: Recurrent, layer: nn.RNNBase) -> tuple[dict[str, nn.Parameter], slice]:
    """The torch layer's weights, and where the GRU's candidate (the last of three gates) lies in a bias."""
    _check(ours, layer)
    return dict(layer.named_parameters()), slice(2 * ours.hidden, None)


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
