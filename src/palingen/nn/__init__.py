"""Recurrent layers with the interface of torch's: write `import palingen.nn as nn` for `import torch.nn as nn`.

    LSTM, GRU, RNN     arguments, results, state dicts and errors of torch.nn's layers
    Peephole           LSTM with peephole connections
    RecurrentStack     stack of any `Cell`

Every other name is torch.nn's own: `palingen.nn.Linear` is `torch.nn.Linear`.
"""

from typing import TYPE_CHECKING, Any

import torch

from palingen.nn.layers import GRU, LSTM, RNN, Peephole
from palingen.nn.stack import RecurrentStack

if TYPE_CHECKING:
    from torch.nn import Module as Module  # to inherit from; type checkers take all other names of torch.nn as `Any`

__all__ = ["GRU", "LSTM", "RNN", "Peephole", "RecurrentStack"]


def __getattr__(name: str) -> Any:
    return getattr(torch.nn, name)


def __dir__() -> list[str]:
    return sorted({*dir(torch.nn), *__all__})
