"""Recurrent layers of torch's names, arguments and parameters, and the peephole LSTM.

Each gate has torch's two biases, of which the engines get the sum.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn, relu
from torch.nn.functional import pad

from palingen.nn.stack import RecurrentStack
from palingen.recurrence.cells import CELLS, Cell, CellName
from palingen.recurrence.engines import Precision
from palingen.recurrence.unroll import CellWeights


def rnn_relu(
    x_proj: Float[Tensor, "B H"], h_proj: Float[Tensor, "B H"], state: tuple[Float[Tensor, "B H"]]
) -> tuple[Float[Tensor, "B H"]]:
    """Simple recurrent network of rectified units (Le et al. 2015).

    h(t) = max(0, W_hx x(t) + W_hh h(t-1) + b_h)
    """
    return (relu(x_proj + h_proj),)


RNN_CELLS = {"tanh": CELLS["rnn"], "relu": Cell(rnn_relu, gates=("h",))}
"""Cell of `RNN` by the name of its nonlinearity."""


class _TorchStack(RecurrentStack):
    """Stack whose cell is not an argument, with torch's two biases.

    Attributes:
        mode: name of the equations, as in torch.
    """

    mode: str
    _bias_names = ("bias_ih", "bias_hh")

    def _cell_repr(self) -> tuple[str, ...]:
        return ()


class _CellStack(_TorchStack):
    """Stack of one cell, without arguments of its own.

    Attributes:
        cell_name: name of the cell.
    """

    cell_name: CellName

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        engine: str = "auto",
        precision: Precision = "float32",
    ) -> None:
        # Long: the arguments of torch's layer, in their order.
        options = bias, batch_first, dropout, bidirectional, device, dtype
        super().__init__(
            CELLS[self.cell_name], input_size, hidden_size, num_layers, *options, engine=engine, precision=precision
        )


class LSTM(_TorchStack):
    """Long short-term memory, in place of `torch.nn.LSTM`.

    The cell is `palingen.cells.lstm`; for arguments and results see `RecurrentStack`, or torch.

    Raises:
        ValueError: `proj_size` is not zero: the engines have no projection.
    """

    mode = "LSTM"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        engine: str = "auto",
        precision: Precision = "float32",
    ) -> None:
        # Long: the arguments of torch's layer, in their order.
        if proj_size != 0:
            raise ValueError(f"proj_size={proj_size}: must be 0, the engines have no projection; use torch.nn.LSTM")
        options = bias, batch_first, dropout, bidirectional, device, dtype
        super().__init__(
            CELLS["lstm"], input_size, hidden_size, num_layers, *options, engine=engine, precision=precision
        )


class GRU(_CellStack):
    """Gated recurrent unit, in place of `torch.nn.GRU`.

    The cell is `palingen.cells.gru`, whose b_hn is the last third of `bias_hh`; for arguments and results see
    `RecurrentStack`, or torch.
    """

    mode, cell_name = "GRU", "gru"

    def _extra_names(self) -> tuple[str, ...]:
        return ()

    def _cell_weights(self, parameters: dict[str, nn.Parameter]) -> CellWeights:
        H, (weight_ih, weight_hh, *biases) = self.hidden_size, parameters.values()
        if not biases:
            return CellWeights(weight_ih, weight_hh, weight_hh.new_zeros(3 * H), (weight_hh.new_zeros(H),))
        bias_ih, bias_hh = biases
        gates, candidate = bias_hh.split([2 * H, H])
        return CellWeights(weight_ih, weight_hh, bias_ih + pad(gates, (0, H)), (candidate,))


class RNN(_TorchStack):
    """Simple recurrent network, in place of `torch.nn.RNN`.

    The cell is `palingen.cells.rnn`, with tanh or the rectifier; for arguments and results see `RecurrentStack`, or
    torch.

    Raises:
        ValueError: `nonlinearity` is neither "tanh" nor "relu".
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        engine: str = "auto",
        precision: Precision = "float32",
    ) -> None:
        # Long: the arguments of torch's layer, in their order.
        if nonlinearity not in RNN_CELLS:
            raise ValueError(f"nonlinearity={nonlinearity!r}: must be 'tanh' or 'relu'")
        options = bias, batch_first, dropout, bidirectional, device, dtype
        super().__init__(
            RNN_CELLS[nonlinearity], input_size, hidden_size, num_layers, *options, engine=engine, precision=precision
        )
        self.nonlinearity, self.mode = nonlinearity, f"RNN_{nonlinearity.upper()}"


class Peephole(_CellStack):
    """LSTM with peephole connections: arguments, results and parameters of `LSTM`, and three weights for each unit.

    The cell is `palingen.cells.peephole`. Layer k has `p_i_lk`, `p_f_lk` and `p_o_lk` [H] besides, so that the state
    dict of an LSTM loads with `strict=False`.
    """

    mode, cell_name = "PEEPHOLE", "peephole"
