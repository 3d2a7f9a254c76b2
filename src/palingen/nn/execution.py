"""Run of one direction of one layer: by an engine, or as an operation `scan` in an exported graph.

B  sequences      T  steps      I  inputs
"""

import inspect
import sys
from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import linear

from palingen.recurrence import engines
from palingen.recurrence.cells import Cell, State
from palingen.recurrence.engines import Precision
from palingen.recurrence.unroll import CellWeights, RNNOutput, unroll
from palingen.runtime.torch_private import scan_operation


def run_cell(
    engine: str,
    cell: Cell,
    weights: CellWeights,
    inputs: Float[Tensor, "B T I"],
    state: State | None,
    reset_mask: Bool[Tensor, "B T"] | None,
    *,
    hidden_only: bool = False,
    precision: Precision = "float32",
) -> RNNOutput:
    """States of a cell at every step, and the final state.

    Args:
        engine: name of an engine; `auto` says once on standard error if it must take a slower one than the device's.
        cell: the cell.
        weights: its weights.
        inputs: input sequences.
        state: initial state; zero by default.
        reset_mask: True where the state is set to zero before a step.
        hidden_only: return no states but h, see `run_engine`.
        precision: arithmetic of the products; float32 in exported and traced graphs.

    Raises:
        ConfigError: the engine does not support the cell or the inputs.
    """
    if torch.compiler.is_exporting():
        return scan_cell(cell, weights, inputs, state)
    tracing: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    if tracing or inputs.is_meta or not len(inputs):  # without memory, or only torch's operations are seen
        engine, precision = "reference", "float32"
    elif engine == "auto":
        _announce(cell, inputs.dtype, inputs.device)
    arguments = cell, weights, inputs, state, reset_mask
    return engines.run_engine(engine, *arguments, hidden_only=hidden_only, precision=precision)


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
        _print_once(f"palingen.nn: the {engine} engine cannot run this layer, so it is slower ({reason})")


@cache
def _print_once(message: str) -> None:
    print(message, file=sys.stderr)
