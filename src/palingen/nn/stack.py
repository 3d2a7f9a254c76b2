"""Stack of recurrent layers of any cell, with the interface of torch's layers.

B  sequences      T  steps      I  inputs      H  hidden units      L  layers      D  directions, 1 or 2
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import dropout
from torch.nn.utils.rnn import PackedSequence

from palingen.nn.checks import check_dimensions, check_inputs, check_state, check_state_shape, check_tensors
from palingen.nn.execution import layer_runner, run_cell
from palingen.nn.parameters import StackParameters
from palingen.nn.sequences import PackedSequences
from palingen.recurrence.engines import LayerRunner

Hidden = Tensor | tuple[Tensor, ...]


class RecurrentStack(StackParameters):
    """Layers of a cell over each other, in one or both directions, called like torch's LSTM.

    Parameters of layer k have the names of torch's, `weight_ih_lk` [GH, I] and `weight_hh_lk` [GH, H], then one bias
    `bias_ih_lk` [GH] and the cell's extra weights, as in `p_i_lk` [H]; those of the backward direction end in
    `_reverse`. All are initialised uniformly in +-1 / sqrt(H).

    Args:
        cell: name in `palingen.cells.CELLS`, or a `Cell`.
        input_size: I.
        hidden_size: H.
        num_layers: L.
        bias: whether layers have biases; extra weights of the cell stay.
        batch_first: inputs and outputs are [B, T, ...] instead of [T, B, ...]; states are not affected.
        dropout: probability of zeroing an output of every layer but the last, in training mode.
        bidirectional: a second direction reads each sequence from its end.
        device: device of the parameters.
        dtype: dtype of the parameters.
        engine: `auto` (the fastest), `native`, `compiled` or `reference`; all are equal up to rounding.
        precision: arithmetic of the products, `float32` or `bfloat16`, for which the processor needs AVX512-BF16.

    Raises:
        TypeError, ValueError: an argument is invalid.
    """

    # A graph cannot hold the engines' calls of C++, so `torch.compile` leaves the layer to them.
    @torch.compiler.disable(reason="engines of palingen run outside graphs")  # type: ignore[untyped-decorator]
    def forward(self, input: Tensor | PackedSequence, hx: Hidden | None = None) -> tuple[Any, Any]:  # noqa: A002
        """Hidden states of the last layer, and the final state of every layer.

        Args:
            input: sequences [T, B, I], [B, T, I] with `batch_first`, [T, I] without a batch, or packed ones.
            hx: initial state, one tensor or a tuple of the cell's parts, each [L D, B, H], or [L D, H] without a batch;
                zero by default.

        Returns:
            Outputs in the layout of the input with D H features, packed if the input is packed, and the final state in
            the layout of `hx`. The backward direction ends at the first step.

        Raises:
            TypeError: `input` is no tensor, or `hx` has other parts than the cell's state.
            ValueError: `input` has wrong dimensions, or a dtype differs from that of the parameters.
            RuntimeError: a size or a device is wrong.
        """
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        check_dimensions(input, type(self).__name__)
        is_batched = input.dim() == 3
        time_first = input.unsqueeze(1) if not is_batched else input.transpose(0, 1) if self.batch_first else input
        check_inputs(time_first, self.input_size)
        state = None if hx is None else check_state(hx, self.cell.state, input.dim())
        if state and not is_batched:
            state = tuple(part.unsqueeze(1) for part in state)
        output, final_state = self._run(time_first, state, time_first.shape[1])
        if not is_batched:
            return output.squeeze(1), self._unwrap(tuple(part.squeeze(1) for part in final_state))
        return output.transpose(0, 1) if self.batch_first else output, self._unwrap(final_state)

    def _forward_packed(self, packed: PackedSequence, hx: Hidden | None) -> tuple[PackedSequence, Hidden]:
        data, batch_sizes, order, inverse_order = packed
        check_inputs(data, self.input_size)
        state = None if hx is None else check_state(hx, self.cell.state, 3)
        if state and order is not None:
            state = tuple(part.index_select(1, order) for part in state)
        T, B = len(batch_sizes), int(batch_sizes[0])
        if len(data) == T * B:  # equal lengths need no padding
            output, final_state = self._run(data.view(T, B, -1), state, B)
            output = output.flatten(0, 1)
        else:
            output, final_state = self._run(data, state, B, PackedSequences(batch_sizes, data.device))
        if inverse_order is not None:
            final_state = tuple(part.index_select(1, inverse_order) for part in final_state)
        return PackedSequence(output, batch_sizes, order, inverse_order), self._unwrap(final_state)

    def _run(
        self, inputs: Tensor, state: tuple[Tensor, ...] | None, B: int, packed: PackedSequences | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Outputs of the last layer in the layout of the inputs, and the final state, each part [L D, B, H]."""
        if not inputs.is_meta and torch.is_autocast_enabled(
            inputs.device.type
        ):  # engines compute in the dtype of the weights
            dtype = next(self.parameters()).dtype
            inputs, state = inputs.to(dtype), state and tuple(part.to(dtype) for part in state)
        D, suffixes = len(self._suffixes()), self._suffixes()
        if state:
            check_tensors(inputs, state, "hx")
            check_state_shape(state, (self.num_layers * D, B, self.hidden_size))
        run = self._layer_runner(inputs, packed)
        final_states: list[tuple[Tensor, ...]] = []
        for layer in range(self.num_layers):
            parameters = [self._parameters_of(layer, suffix) for suffix in suffixes]
            for direction in parameters:
                check_tensors(inputs, direction.values(), "the layer")
            initial = state and tuple(part[layer * D : (layer + 1) * D] for part in state)
            inputs, final_state = run([self._cell_weights(direction) for direction in parameters], inputs, initial)
            final_states.append(final_state)
            if self.dropout and layer < self.num_layers - 1:
                inputs = dropout(inputs, self.dropout, self.training)
        if len(final_states) == 1:
            return inputs, final_states[0]
        return inputs, tuple(torch.cat(parts) for parts in zip(*final_states, strict=True))

    def _layer_runner(self, inputs: Tensor, packed: PackedSequences | None) -> LayerRunner:
        """Function that runs one layer."""
        if packed is None:
            return layer_runner(self.engine, self.cell, inputs, self.hidden_size, self.precision)
        return partial(packed.run_directions, partial(run_cell, self.engine, self.cell, precision=self.precision))

    def _unwrap(self, state: tuple[Tensor, ...]) -> Hidden:
        """State as the user gets it: a tensor if it has one part."""
        return state[0] if len(state) == 1 else state
