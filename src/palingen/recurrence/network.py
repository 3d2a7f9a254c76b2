"""Digits to hidden states to logits.

B  sequences      T  steps      I  inputs      H  hidden units      C  classes
"""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from palingen.recurrence import engines
from palingen.recurrence.cells import CELLS, Cell, State
from palingen.recurrence.unroll import Unrolled, Weights


class Recurrent(nn.Module):
    """A layer of one cell: its weights, and the cell run over time with them.

    One bias for each gate. Weights start uniform in +-1 / sqrt(H), as torch's layers do.

    Args:
        cell: a name in `CELLS`, or a cell of your own.
        input_dim: I.
        hidden: H.
        engine: how the cell is run, see `palingen.recurrence.engines`; all are equal.
        learn_state: h(0) (and c(0)) are weights, zero at first, instead of zero.
        recompute: make again in the backward pass what could be kept: less memory for long sequences, more time.
    """

    def __init__(
        self,
        cell: Cell | str,
        input_dim: int,
        hidden: int,
        *,
        engine: engines.EngineName = "auto",
        learn_state: bool = False,
        recompute: bool = False,
    ) -> None:
        super().__init__()
        self.cell = CELLS[cell] if isinstance(cell, str) else cell
        self.input_dim, self.hidden = input_dim, hidden
        self.engine, self.recompute = engine, recompute
        stacked = len(self.cell.gates) * hidden
        self.input_weight = nn.Parameter(torch.empty(stacked, input_dim))
        self.hidden_weight = nn.Parameter(torch.empty(stacked, hidden))
        self.bias = nn.Parameter(torch.empty(stacked))
        self.extras = nn.ParameterDict({name: nn.Parameter(torch.empty(hidden)) for name in self.cell.extras})
        for weight in self.parameters():
            nn.init.uniform_(weight, -(hidden**-0.5), hidden**-0.5)
        learnt = self.cell.state if learn_state else ()
        self.first = nn.ParameterDict({name: nn.Parameter(torch.zeros(hidden)) for name in learnt})

    @property
    def weights(self) -> Weights:
        """All weights but the first state's, as engines take them."""
        extras = tuple(self.extras[name] for name in self.cell.extras)  # a ParameterDict has an order of its own
        return Weights(self.input_weight, self.hidden_weight, self.bias, extras)

    def start(self, count: int) -> State | None:
        """The learnt first state for so many sequences, None where it is zero."""
        return tuple(self.first[name].expand(count, -1) for name in self.cell.state) if self.first else None

    def forward(
        self,
        inputs: Float[Tensor, "B T I"],
        state: State | None = None,
        *,
        lengths: Int64[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "B T"] | None = None,
    ) -> Unrolled:
        """Every state and the last one, from `state`, from the learnt first state, or from zero.

        Args:
            inputs: what is read.
            state: where to start, each part [B, H].
            lengths: steps of each sequence where they differ, from 1 to T: states after a sequence's end are zero, and
                the last state is that of its own last step. What `inputs` hold there does not matter.
            resets: where the state is set to zero before a step, as when a new episode begins.

        Raises:
            ConfigError: the engine cannot run this cell on these inputs.
            ValueError: a length is below 1 or above T.
        """
        state = state or self.start(len(inputs))
        if lengths is None:
            return self._run(inputs, state, resets)
        if not 1 <= int(lengths.min()) <= int(lengths.max()) <= inputs.shape[1]:
            raise ValueError(f"lengths: {lengths.tolist()} are not all between 1 and the {inputs.shape[1]} steps given")
        over = (torch.arange(inputs.shape[1], device=inputs.device) >= lengths.unsqueeze(1)).unsqueeze(2)
        ran = self._run(inputs.masked_fill(over, 0), state, resets)
        rows = torch.arange(len(inputs), device=inputs.device)
        return Unrolled(
            tuple(part.masked_fill(over, 0) for part in ran.states),
            tuple(part[rows, lengths - 1] for part in ran.states),
        )

    def _run(self, inputs: Tensor, state: State | None, resets: Tensor | None) -> Unrolled:
        return engines.run(self.engine, self.cell, self.weights, inputs, state, resets, recompute=self.recompute)


class Classifier(nn.Module):
    """A recurrent layer and a linear readout of its last hidden state."""

    def __init__(
        self,
        cell: Cell | str,
        input_dim: int,
        hidden: int,
        classes: int,
        *,
        engine: engines.EngineName = "auto",
        learn_state: bool = False,
    ) -> None:
        super().__init__()
        self.recurrent = Recurrent(cell, input_dim, hidden, engine=engine, learn_state=learn_state)
        self.readout = nn.Linear(hidden, classes)

    def forward(self, inputs: Float[Tensor, "B T I"]) -> Float[Tensor, "B C"]:
        """The logits p(T) after the last input."""
        hidden = self.recurrent(inputs).last[0]  # (1)-(6)
        return self.readout(hidden)  # (7); the softmax (8) is part of the loss (9)
