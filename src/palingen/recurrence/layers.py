"""Recurrent layer of any cell, and a classifier of sequences.

B  sequences      T  steps      I  inputs      H  hidden units      K  classes
"""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from palingen.recurrence import engines
from palingen.recurrence.cells import CELLS, Cell, State
from palingen.recurrence.checks import check_inputs, check_lengths, check_reset_mask, check_state, check_tensors
from palingen.recurrence.engines import Precision
from palingen.recurrence.segments import run_final_state, segment_steps
from palingen.recurrence.unroll import CellWeights, RNNOutput
from palingen.runtime.errors import ConfigError
from palingen.runtime.memory import Need, require_memory
from palingen.runtime.validation import require_integer, unknown_choice


def weight_bytes(cell: Cell | str, input_size: int, hidden_size: int) -> int:
    """Bytes of the weights of a recurrent layer, the initial state and the cell's extra weights excluded."""
    gates = len((CELLS[cell] if isinstance(cell, str) else cell).gates)
    return 4 * gates * hidden_size * (input_size + hidden_size + 1)


class RecurrentLayer(nn.Module):
    """Recurrent layer: the weights of one cell, unrolled over time by an engine.

    One bias for each gate. Weights are initialised uniformly in +-1 / sqrt(H), as in torch's layers.

    Args:
        cell: name in `CELLS`, or a `Cell`.
        input_size: I.
        hidden_size: H.
        engine: implementation, see `palingen.recurrence.engines`; all are equal up to rounding.
        learn_initial_state: make h(0) (and c(0)) parameters, zero at first, instead of zero.
        recompute: recompute in the backward pass instead of storing: less memory for long sequences, more time.
            `final_state` recomputes without it where the values of all steps would need more than about 3 GB.
        precision: arithmetic of the products, `float32` or `bfloat16`, for which the processor needs AVX512-BF16.

    Raises:
        ConfigError: there is no such cell, a size is not a positive integer, or the weights do not fit into memory.
    """

    def __init__(
        self,
        cell: Cell | str,
        input_size: int,
        hidden_size: int,
        *,
        engine: str = "auto",
        learn_initial_state: bool = False,
        recompute: bool = False,
        precision: Precision = "float32",
    ) -> None:
        super().__init__()
        require_integer("input_size", input_size)
        require_integer("hidden_size", hidden_size)
        if not isinstance(cell, Cell) and cell not in CELLS:
            raise ConfigError(f"cell: {unknown_choice(cell, CELLS)}")
        require_memory("the layer", Need("the weights", weight_bytes(cell, input_size, hidden_size), "hidden_size"))
        self.cell = CELLS[cell] if isinstance(cell, str) else cell
        self.input_size, self.hidden_size = input_size, hidden_size
        self.engine, self.recompute, self.precision = engine, recompute, precision
        stacked = len(self.cell.gates) * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(stacked, input_size))
        self.weight_hh = nn.Parameter(torch.empty(stacked, hidden_size))
        self.bias = nn.Parameter(torch.empty(stacked))
        extra_names = self.cell.extra_weights
        self.extra_weights = nn.ParameterDict({name: nn.Parameter(torch.empty(hidden_size)) for name in extra_names})
        for weight in self.parameters():
            nn.init.uniform_(weight, -(hidden_size**-0.5), hidden_size**-0.5)
        learned = self.cell.state if learn_initial_state else ()
        self.initial_state = nn.ParameterDict({name: nn.Parameter(torch.zeros(hidden_size)) for name in learned})

    @property
    def weights(self) -> CellWeights:
        """Weights as the engines take them, without the initial state."""
        extra = tuple(self.extra_weights[name] for name in self.cell.extra_weights)  # a ParameterDict sorts its keys
        return CellWeights(self.weight_ih, self.weight_hh, self.bias, extra)

    def expand_initial_state(self, batch_size: int) -> State | None:
        """Learned initial state for each sequence [B, H]; None if it is zero."""
        if not self.initial_state:
            return None
        return tuple(self.initial_state[name].expand(batch_size, -1) for name in self.cell.state)

    def forward(
        self,
        inputs: Float[Tensor, "B T I"],
        state: State | None = None,
        *,
        lengths: Int64[Tensor, " B"] | None = None,
        reset_mask: Bool[Tensor, "B T"] | None = None,
    ) -> RNNOutput:
        """States at every step, and the final state.

        Args:
            inputs: input sequences.
            state: initial state, each part [B, H]; by default the learned one, or zero.
            lengths: steps of each sequence, from 1 to T, if they differ. States beyond the end of a sequence are zero,
                its final state is that of its last step, and `inputs` there are ignored.
            reset_mask: True where the state is set to zero before a step, as when a new episode begins.

        Raises:
            ConfigError: a shape, dtype or device is wrong, a length is below 1 or above T, or the engine does not
                support the cell or the inputs.
        """
        weights = self.weights
        inputs, state = self._prepare(inputs, state, weights)
        if reset_mask is not None:
            check_reset_mask(reset_mask, inputs)
        if lengths is None:
            return self._run(weights, inputs, state, reset_mask)
        check_lengths(lengths, inputs)
        beyond = torch.arange(inputs.shape[1], device=inputs.device) >= lengths.unsqueeze(1)  # [B, T]
        # Without resets, a state could grow without bound there, and make its gradient, zero, undefined.
        resets = beyond if reset_mask is None else reset_mask | beyond
        output = self._run(weights, inputs.masked_fill(beyond.unsqueeze(2), 0), state, resets)
        rows = torch.arange(len(inputs), device=inputs.device)
        return RNNOutput(
            tuple(part.masked_fill(beyond.unsqueeze(2), 0) for part in output.states),
            tuple(part[rows, lengths - 1] for part in output.states),
        )

    def final_state(self, inputs: Float[Tensor, "B T I"], state: State | None = None) -> State:
        """Final state alone, in bounded memory: very long sequences run in segments that backward recomputes.

        Args:
            inputs: input sequences.
            state: initial state, each part [B, H]; by default the learned one, or zero.

        Raises:
            ConfigError: a shape, dtype or device is wrong, or the engine does not support the cell or the inputs.
        """
        weights = self.weights
        inputs, state = self._prepare(inputs, state, weights)
        if not len(inputs):
            return self._run(weights, inputs, state, None).final_state
        store = torch.is_grad_enabled() and not self.recompute
        steps = segment_steps(self.cell, len(inputs), inputs.shape[1], self.hidden_size, store=store)
        return run_final_state(self.engine, self.cell, weights, inputs, state, steps, self.precision)

    def _prepare(self, inputs: Tensor, state: State | None, weights: CellWeights) -> tuple[Tensor, State | None]:
        """Inputs and initial state, checked; under autocast in the dtype of the weights, in which engines compute."""
        check_inputs(inputs, self.input_size)
        if state is None:
            state = self.expand_initial_state(len(inputs))
        if state is not None:
            check_state(state, self.cell.state, (len(inputs), self.hidden_size))
        if not inputs.is_meta and torch.is_autocast_enabled(inputs.device.type):
            dtype = weights.weight_hh.dtype
            inputs, state = inputs.to(dtype), state and tuple(part.to(dtype) for part in state)
        check_tensors(inputs, (*weights[:3], *weights.extra), "the layer")
        check_tensors(inputs, state or (), "state")
        return inputs, state

    def _run(self, weights: CellWeights, inputs: Tensor, state: State | None, reset_mask: Tensor | None) -> RNNOutput:
        engine, precision = self.engine, self.precision
        if not len(inputs):  # the other engines divide by the number of sequences
            engine, precision = "reference", "float32"
        arguments = self.cell, weights, inputs, state, reset_mask
        return engines.run_engine(engine, *arguments, recompute=self.recompute, precision=precision)


class SequenceClassifier(nn.Module):
    """Recurrent layer with a linear head on the final hidden state.

    Args:
        cell: name in `CELLS`, or a `Cell`.
        input_size: I.
        hidden_size: H.
        num_classes: K.
        engine: implementation, see `palingen.recurrence.engines`.
        learn_initial_state: make the initial state a parameter.
        precision: arithmetic of the recurrent layer's products.
    """

    def __init__(
        self,
        cell: Cell | str,
        input_size: int,
        hidden_size: int,
        num_classes: int,
        *,
        engine: str = "auto",
        learn_initial_state: bool = False,
        precision: Precision = "float32",
    ) -> None:
        super().__init__()
        require_integer("num_classes", num_classes)
        sizes = cell, input_size, hidden_size
        self.recurrent = RecurrentLayer(
            *sizes, engine=engine, learn_initial_state=learn_initial_state, precision=precision
        )
        self.head = nn.Linear(hidden_size, num_classes)

    def forward(self, inputs: Float[Tensor, "B T I"]) -> Float[Tensor, "B K"]:
        """Logits p(T) after the last input."""
        hidden = self.recurrent.final_state(inputs)[0]  # (1)-(6)
        return self.head(hidden)  # (7); the softmax (8) is part of the loss (9)
