"""First weights with which a cell remembers for longer."""

import torch
from torch import nn

from palingen.errors import ConfigError
from palingen.recurrence.network import Recurrent


@torch.no_grad()
def forget_bias(layer: Recurrent, bias: float) -> None:
    """Set the bias of the gate that remembers: at 0 half the memory is lost at each step, at 1 a quarter.

    Gers, Schmidhuber & Cummins 2000; as the rule for every LSTM: Jozefowicz, Zaremba & Sutskever 2015.

    Raises:
        ConfigError: the cell has no such gate.
    """
    _block(layer, layer.cell.remembers, "forget_bias").fill_(bias)


@torch.no_grad()
def chrono(layer: Recurrent, longest: int) -> None:
    """Let the units forget over times spread evenly on a logarithmic scale, and write as rarely as they forget.

    b_f = log U(1, T_max - 1), b_i = -b_f (Tallec & Ollivier 2018, section 3).

    Args:
        layer: any whose cell has a gate that remembers.
        longest: T_max, the longest time over which something must be kept, in steps.

    Raises:
        ConfigError: the cell has no such gate.
    """
    remember = _block(layer, layer.cell.remembers, "chrono")
    remember.copy_(torch.empty_like(remember).uniform_(1, max(longest - 1, 1)).log())
    if layer.cell.writes:
        _block(layer, layer.cell.writes, "chrono").copy_(-remember)


@torch.no_grad()
def orthogonal(layer: Recurrent) -> None:
    """Recurrent weights that turn the state and neither stretch nor shrink it, a rotation for each gate.

    Saxe, McClelland & Ganguli 2014.
    """
    for block in layer.hidden_weight.chunk(len(layer.cell.gates)):
        nn.init.orthogonal_(block)


def _block(layer: Recurrent, gate: str | None, option: str) -> torch.Tensor:
    if gate is None:
        raise ConfigError(f"{option}: the cell has no gate that remembers")
    return layer.bias.chunk(len(layer.cell.gates))[layer.cell.gates.index(gate)]
