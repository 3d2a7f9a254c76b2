"""Initialisations for long memory."""

import torch
from torch import Tensor, nn

from palingen.recurrence.layers import RecurrentLayer
from palingen.runtime.errors import ConfigError


@torch.no_grad()
def forget_bias(layer: RecurrentLayer, bias: float) -> None:
    """Set the bias of the forget gate: at 0 a unit keeps half of its memory at each step, at 3 95 %.

    Gers, Schmidhuber & Cummins 2000; recommended for every LSTM by Jozefowicz, Zaremba & Sutskever 2015.

    Raises:
        ConfigError: the cell has no forget gate.
    """
    _gate_bias(layer, layer.cell.forget_gate, "forget_bias_init").fill_(bias)


@torch.no_grad()
def chrono(layer: RecurrentLayer, max_steps: int) -> None:
    """Chrono initialisation: forgetting times spread logarithmically, writing as rare as forgetting.

    b_f = log U(1, T_max - 1), b_i = -b_f (Tallec & Ollivier 2018, section 3).

    Args:
        layer: layer whose cell has a forget gate.
        max_steps: T_max, the longest dependency in steps.

    Raises:
        ConfigError: the cell has no forget gate.
    """
    forget = _gate_bias(layer, layer.cell.forget_gate, "chrono_init")
    forget.copy_(torch.empty_like(forget).uniform_(1, max(max_steps - 1, 1)).log())
    if layer.cell.input_gate:
        _gate_bias(layer, layer.cell.input_gate, "chrono_init").copy_(-forget)


@torch.no_grad()
def orthogonal(layer: RecurrentLayer) -> None:
    """Orthogonal recurrent weights, one matrix for each gate (Saxe, McClelland & Ganguli 2014)."""
    for block in layer.weight_hh.chunk(len(layer.cell.gates)):
        nn.init.orthogonal_(block)


def _gate_bias(layer: RecurrentLayer, gate: str | None, option: str) -> Tensor:
    if gate is None:
        raise ConfigError(f"{option}: the cell has no forget gate")
    return layer.bias.chunk(len(layer.cell.gates))[layer.cell.gates.index(gate)]
