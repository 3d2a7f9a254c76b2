"""Parameters of a stack of recurrent layers, under the names of torch's.

I  inputs      H  hidden units      GH  gates times H      L  layers
"""

from itertools import product
from typing import Any, get_args

import torch
from torch import Tensor, nn

from palingen.nn.checks import check_cell, check_dropout, check_flags, check_names, check_sizes
from palingen.recurrence.cells import CELLS, Cell
from palingen.recurrence.engines import ENGINES, Precision
from palingen.recurrence.unroll import CellWeights


class StackParameters(nn.Module):
    """Arguments and parameters of a stack of recurrent layers; see `RecurrentStack`."""

    _bias_names: tuple[str, ...] = ("bias_ih",)
    proj_size = 0

    def __init__(
        self,
        cell: Cell | str,
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
        # Long: the arguments of torch's layers, in their order.
        super().__init__()
        check_cell(cell)
        check_sizes(input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        check_flags(bias=bias, batch_first=batch_first)
        check_dropout(dropout, num_layers)
        check_names(cell=(cell, CELLS), engine=(engine, ("auto", *ENGINES)), precision=(precision, get_args(Precision)))
        self.cell = CELLS[cell] if isinstance(cell, str) else cell
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.bidirectional = bias, batch_first, bidirectional
        self.dropout, self.engine, self.precision = float(dropout), engine, precision
        self._names = tuple(self._shapes(0))
        self._full_names = {
            direction: [(name, f"{name}_l{direction[0]}{direction[1]}") for name in self._names]
            for direction in self._directions()
        }
        for layer, suffix in self._directions():
            for name, shape in self._shapes(layer).items():
                weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                self.register_parameter(f"{name}_l{layer}{suffix}", weight)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise all parameters, in the order of torch's layers, so that a seed gives the same."""
        bound = self.hidden_size**-0.5
        for weight in self.parameters():
            nn.init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Do nothing: parameters need not lie together in memory."""

    @property
    def all_weights(self) -> list[list[nn.Parameter]]:
        """Parameters of each layer and direction."""
        return [[*self._parameters_of(*direction).values()] for direction in self._directions()]

    def extra_repr(self) -> str:
        """Arguments that differ from their defaults."""
        defaults = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0, "bidirectional": False}
        changed = [f"{name}={getattr(self, name)}" for name, value in defaults.items() if getattr(self, name) != value]
        return ", ".join([*self._cell_repr(), str(self.input_size), str(self.hidden_size), *changed])

    def _suffixes(self) -> tuple[str, ...]:
        """Ends of the parameter names of each direction."""
        return ("", "_reverse") if self.bidirectional else ("",)

    def _directions(self) -> "product[tuple[int, str]]":
        """Layer and suffix of everything that runs, in order."""
        return product(range(self.num_layers), self._suffixes())

    def _shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters of a layer, by name without layer and direction, in torch's order."""
        H, stacked = self.hidden_size, len(self.cell.gates) * self.hidden_size
        width = self.input_size if layer == 0 else H * len(self._suffixes())
        biases = dict.fromkeys(self._bias_names if self.bias else (), (stacked,))
        return {"weight_ih": (stacked, width), "weight_hh": (stacked, H), **biases} | dict.fromkeys(
            self._extra_names(), (H,)
        )

    def _extra_names(self) -> tuple[str, ...]:
        """Extra weights of the cell that are parameters of their own."""
        return self.cell.extra_weights

    def _parameters_of(self, layer: int, suffix: str) -> dict[str, nn.Parameter]:
        """Parameters by name without layer and direction, read anew at every call: they may have been replaced."""
        own, names = self._parameters, self._full_names[layer, suffix]  # `getattr` alone takes ten times as long
        return {name: own.get(full) if own.get(full) is not None else getattr(self, full) for name, full in names}  # type: ignore[misc]

    def _cell_weights(self, parameters: dict[str, nn.Parameter]) -> CellWeights:
        """Weights as the engines take them, with one bias."""
        weight_ih, weight_hh = parameters["weight_ih"], parameters["weight_hh"]
        extra = tuple(parameters[name] for name in self.cell.extra_weights)
        biases: list[Tensor] = [parameters[name] for name in self._bias_names if name in parameters]
        bias = biases[0] if biases else weight_hh.new_zeros(len(weight_hh))
        if len(biases) > 1:
            bias = bias + biases[1]
        return CellWeights(weight_ih, weight_hh, bias, extra)

    def _cell_repr(self) -> tuple[str, ...]:
        """Name of the cell, which is an argument."""
        return (getattr(self.cell.step, "__name__", "cell"),)
