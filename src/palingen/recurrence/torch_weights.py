"""Exact conversion of weights from and to torch's recurrent layers.

torch has two biases for each gate, of which only the sum matters; here there is one. Importing adds the two, exporting
sets the second to zero. The candidate of the GRU is an exception (see `cells.gru`): its hidden bias stays separate.
"""

import torch
from torch import nn

from palingen.recurrence.cells import CELLS
from palingen.recurrence.layers import RecurrentLayer

TORCH_MODES = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN_TANH"}
"""Name of a cell to the `mode` of the torch layer with the same equations."""


def load_torch(layer: RecurrentLayer, torch_layer: nn.RNNBase) -> None:
    """Copy the weights of a torch layer into `layer`.

    Raises:
        ValueError: equations, sizes or number of layers differ.
    """
    _check_compatible(layer, torch_layer)
    theirs, candidate = dict(torch_layer.named_parameters()), _candidate_bias(layer)
    with torch.no_grad():
        hidden_bias = theirs["bias_hh_l0"].clone()
        for bias in layer.extra_weights.values():
            bias.copy_(hidden_bias[candidate])
            hidden_bias[candidate] = 0
        layer.weight_ih.copy_(theirs["weight_ih_l0"])
        layer.weight_hh.copy_(theirs["weight_hh_l0"])
        layer.bias.copy_(theirs["bias_ih_l0"] + hidden_bias)


def store_torch(layer: RecurrentLayer, torch_layer: nn.RNNBase) -> None:
    """Copy the weights of `layer` into a torch layer.

    Raises:
        ValueError: equations, sizes or number of layers differ.
    """
    _check_compatible(layer, torch_layer)
    theirs, candidate = dict(torch_layer.named_parameters()), _candidate_bias(layer)
    with torch.no_grad():
        theirs["weight_ih_l0"].copy_(layer.weight_ih)
        theirs["weight_hh_l0"].copy_(layer.weight_hh)
        theirs["bias_ih_l0"].copy_(layer.bias)
        theirs["bias_hh_l0"].zero_()
        for bias in layer.extra_weights.values():
            theirs["bias_hh_l0"][candidate] = bias


def _candidate_bias(layer: RecurrentLayer) -> slice:
    """Position of the GRU's candidate, the last of three gates, in a bias."""
    return slice(2 * layer.hidden_size, None)


def _check_compatible(layer: RecurrentLayer, torch_layer: nn.RNNBase) -> None:
    name = next((name for name, cell in CELLS.items() if cell == layer.cell), "custom")
    if TORCH_MODES.get(name) != torch_layer.mode:
        raise ValueError(f"cell={name!r}: has other equations than torch's {torch_layer.mode}")
    sizes, torch_sizes = (layer.input_size, layer.hidden_size), (torch_layer.input_size, torch_layer.hidden_size)
    if sizes != torch_sizes:
        raise ValueError(f"input_size, hidden_size={sizes}: the torch layer has {torch_sizes}")
    if torch_layer.num_layers != 1 or torch_layer.bidirectional or not torch_layer.bias or torch_layer.proj_size:
        raise ValueError("torch_layer: must have one layer, one direction, biases and no projection")
