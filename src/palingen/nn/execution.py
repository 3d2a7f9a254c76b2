"""Runs of a layer or of one direction: by an engine, or as an operation `scan` in an exported graph.

B  sequences      T  steps      I  inputs
"""

import inspect
from collections.abc import Sequence
from functools import cache, partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import linear

from palingen.recurrence import engines
from palingen.recurrence.cells import Cell, State
from palingen.recurrence.engines import LayerRunner, Precision
from palingen.recurrence.engines.directions import run_directions
from palingen.recurrence.unroll import CellWeights, RNNOutput, unroll
from palingen.runtime.notices import print_once
from palingen.runtime.torch_private import scan_operation


def layer_runner(
    engine: str, cell: Cell, inputs: Float[Tensor, "T B I"], hidden_size: int, precision: Precision = "float32"
) -> LayerRunner:
    """Function that runs layers of a cell over dense sequences, see `engines.layer_runner`.

    Args:
        engine: name of an engine; `auto` says once on standard error if it must take a slower one than the device's.
        cell: the cell.
        inputs: inputs of the first layer.
        hidden_size: H.
        precision: arithmetic of the products; float32 in exported and traced graphs.

    Raises:
        ConfigError: the engine does not support the cell or the inputs.
    """
    if torch.compiler.is_exporting():
        return partial(run_directions, partial(scan_cell, cell))
    if _is_abstract(inputs, batch_axis=1):
        engine, precision = "reference", "float32"
    elif engine == "auto":
        _announce(cell, inputs.dtype, inputs.device)
    return engines.layer_runner(engine, cell, inputs, hidden_size, precision)


def run_cell(
    engine: str,
    cell: Cell,
    weights: CellWeights,
    inputs: Float[Tensor, "B T I"],
    state: State | None,
    reset_mask: Bool[Tensor, "B T"],
    precision: Precision = "float32",
) -> RNNOutput:
    """States at every step, and the final state, of one direction of sequences with resets.

    Args:
        engine: name of an engine, see `layer_runner`.
        cell: the cell.
        weights: its weights.
        inputs: input sequences.
        state: initial state; zero by default.
        reset_mask: True where the state is set to zero before a step.
        precision: arithmetic of the products; float32 in traced graphs.

    Raises:
        ConfigError: the engine does not support the cell or the inputs.
    """
    if _is_abstract(inputs, batch_axis=0):
        engine, precision = "reference", "float32"
    elif engine == "auto":
        _announce(cell, inputs.dtype, inputs.device)
    return engines.run_engine(engine, cell, weights, inputs, state, reset_mask, precision=precision)


def _is_abstract(inputs: Tensor, batch_axis: int) -> bool:
    """Whether inputs have no memory, or torch's operations alone are seen."""
    tracing: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    return tracing or inputs.is_meta or inputs.shape[batch_axis] == 0


def scan_cell(cell: Cell, weights: CellWeights, inputs: Float[Tensor, "B T I"], state: State | None) -> RNNOutput:
    """`unroll` as one operation, for graphs whose number of steps is open: ONNX calls it Scan."""
    if (scan := scan_operation()) is None:
        return unroll(cell, weights, inputs, state)  # the number of steps is then that of the example

    weight_hh, extra = weights.weight_hh, weights.extra
    step = inspect.unwrap(cell.step)  # a type checker around it cannot be traced
    zero = inputs.new_zeros(inputs.shape[0], weight_hh.shape[1])
    initial = list(state) if state else [zero.clone() for _ in cell.state]  # `scan` refuses aliases
    x_projs = linear(inputs.transpose(0, 1), weights.weight_ih, weights.bias)

    def combine(current: Sequence[Tensor], x_proj: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        following = step(x_proj, current[0] @ weight_hh.T, tuple(current), *extra)
        return list(following), [part.clone() for part in following]

    final_state, states = scan(inspect.unwrap(combine), initial, x_projs)
    return RNNOutput(tuple(part.transpose(0, 1) for part in states), tuple(final_state))


@cache
def _announce(cell: Cell, dtype: torch.dtype, device: torch.device) -> None:
    """Say why a layer cannot run on the fastest engine of its device, if so."""
    engine = "triton" if device.type == "cuda" else "native"
    if reason := engines.ENGINES[engine].unsupported_reason(cell, torch.empty(0, dtype=dtype, device=device)):
        print_once(f"palingen.nn: the {engine} engine cannot run this layer, so it is slower ({reason})")
