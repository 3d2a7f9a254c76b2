"""Digits to hidden states to logits.

B  sequences      T  steps      I  inputs      H  hidden units      C  classes
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from palingen.recurrence.cells import CELLS, Cell, State
from palingen.recurrence.unroll import unroll


class Recurrent(nn.Module):
    """A layer of one cell: its weights, and the cell run over time with them.

    One bias for each gate. Weights start uniform in +-1 / sqrt(H), as torch's layers do.
    """

    def __init__(self, cell: Cell | str, input_dim: int, hidden: int) -> None:
        super().__init__()
        self.cell = CELLS[cell] if isinstance(cell, str) else cell
        self.input_dim, self.hidden = input_dim, hidden
        stacked = len(self.cell.gates) * hidden
        self.input_weight = nn.Parameter(torch.empty(stacked, input_dim))
        self.hidden_weight = nn.Parameter(torch.empty(stacked, hidden))
        self.bias = nn.Parameter(torch.empty(stacked))
        self.extras = nn.ParameterDict({name: nn.Parameter(torch.empty(hidden)) for name in self.cell.extras})
        for weight in self.parameters():
            nn.init.uniform_(weight, -(hidden**-0.5), hidden**-0.5)

    def forward(
        self, inputs: Float[Tensor, "B T I"], state: State | None = None
    ) -> tuple[Float[Tensor, "B T H"], State]:
        """Every h(t) and the last state, from `state` or from zero."""
        extras = [self.extras[name] for name in self.cell.extras]
        return unroll(self.cell, inputs, state, self.input_weight, self.hidden_weight, self.bias, extras)


class Classifier(nn.Module):
    """A recurrent layer and a linear readout of its last hidden state."""

    def __init__(self, cell: Cell | str, input_dim: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.recurrent = Recurrent(cell, input_dim, hidden)
        self.readout = nn.Linear(hidden, classes)

    def forward(self, inputs: Float[Tensor, "B T I"]) -> Float[Tensor, "B C"]:
        """The logits p(T) after the last input."""
        hidden, _ = self.recurrent(inputs)  # (1)-(6)
        return self.readout(hidden[:, -1])  # (7); the softmax (8) is part of the loss (9)
