"""Baseline of the recurrence benchmark: the loop as usually written."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Work = Callable[[], object]


class PlainLoop(nn.Module):
    """LSTM or peephole LSTM as usually written: one weight for each gate, [h, x] concatenated at every step."""

    def __init__(self, cell: str, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.gates = nn.ModuleList(nn.Linear(input_size + hidden_size, hidden_size) for _ in range(4))
        self.peepholes = nn.Parameter(torch.zeros(3, hidden_size)) if cell == "peephole" else None

    def forward(self, inputs: Tensor) -> Tensor:
        """Final hidden state."""
        h = c = inputs.new_zeros(len(inputs), self.gates[0].out_features)
        p_i, p_f, p_o = (0, 0, 0) if self.peepholes is None else self.peepholes
        for t in range(inputs.shape[1]):
            hx = torch.cat([h, inputs[:, t]], dim=1)
            i = torch.sigmoid(self.gates[0](hx) + p_i * c)
            f = torch.sigmoid(self.gates[1](hx) + p_f * c)
            g = torch.tanh(self.gates[2](hx))
            c = g * i + c * f
            o = torch.sigmoid(self.gates[3](hx) + p_o * c)
            h = torch.tanh(c) * o
        return h


def training_step(module: nn.Module, final_hidden: Callable[[], Tensor]) -> Work:
    """Forward and backward pass, without an optimiser."""

    def run() -> None:
        module.zero_grad()
        final_hidden().sum().backward()

    return run
