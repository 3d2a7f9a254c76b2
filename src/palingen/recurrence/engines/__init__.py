"""Engines: implementations that run a cell over time, gradients included, and equal `unroll` up to rounding.

    reference   plain loop over the steps, the definition; runs everything (`reference.py`)
    compiled    any cell whose step is pure, compiled once by torch (`compiled.py`); any device and dtype
    native      any pointwise cell, the whole loop in C++ generated from its step (`native/`); float32 on a CPU
    triton      any pointwise cell, the whole loop in one launch generated from its step (`triton/`); float32 on CUDA
    auto        triton or native if supported, else compiled for sequences long enough to repay the compilation, else
                reference

To add one, write a module with `unsupported_reason` and `run` and add it to `ENGINES` and `EngineName`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from palingen.recurrence.cells import Cell, State
from palingen.recurrence.engines import compiled, native, reference, triton
from palingen.recurrence.engines.directions import LayerOutput, run_directions
from palingen.recurrence.unroll import CellWeights, RNNOutput
from palingen.runtime.errors import ConfigError
from palingen.runtime.validation import unknown_choice

EngineName = Literal["auto", "reference", "compiled", "native", "triton"]

Precision = Literal["float32", "bfloat16"]
"""Arithmetic of matrix products: float32, or factors in bfloat16 and sums in float32 (the native engine alone)."""


LayerRunner = Callable[[Sequence[CellWeights], Tensor, State | None], LayerOutput]


@dataclass(frozen=True)
class Engine:
    """Implementation of the recurrence."""

    run: Callable[..., RNNOutput]
    """`(cell, weights, inputs, state, reset_mask, *, recompute) -> RNNOutput`, equal to `unroll`."""

    unsupported_reason: Callable[..., str | None]
    """`(cell, inputs, hidden_size) -> ` reason why the engine cannot run the cell on these inputs, or None."""


ENGINES = {
    "triton": Engine(triton.run, triton.unsupported_reason),
    "native": Engine(native.run, native.unsupported_reason),
    "compiled": Engine(compiled.run, compiled.unsupported_reason),
    "reference": Engine(reference.run, reference.unsupported_reason),
}
"""Engines by name, the fastest first."""

MIN_COMPILED_STEPS = 50
"""Steps from which `auto` compiles a step; this takes a few seconds, once."""


def resolve_engine(
    name: str,
    cell: Cell,
    inputs: Float[Tensor, "B T I"] | Float[Tensor, "T B I"],
    hidden_size: int | None = None,
    precision: Precision = "float32",
    steps: int | None = None,
) -> str:
    """Engine called `name`; for `auto`, the fastest that supports the cell and inputs like these.

    Args:
        name: name in `ENGINES`, or `auto`.
        cell: cell to run.
        inputs: example of the inputs; device and dtype matter.
        hidden_size: H; None for one that every engine supports.
        precision: arithmetic of the products.
        steps: T, if the inputs are not [B, T, I].

    Raises:
        ConfigError: there is no such engine, or it does not support the cell, the inputs or the precision.
    """
    if precision != "float32":
        return _resolve_half_precision(name, cell, inputs, precision)
    if name == "auto":
        for engine in ("triton", "native"):
            if ENGINES[engine].unsupported_reason(cell, inputs, hidden_size) is None:
                return engine
        repays = (steps or inputs.shape[1]) >= MIN_COMPILED_STEPS and compiled.unsupported_reason(cell, inputs) is None
        return "compiled" if repays else "reference"
    if name not in ENGINES:
        raise ConfigError(f"engine: {unknown_choice(name, ('auto', *ENGINES))}")
    if reason := ENGINES[name].unsupported_reason(cell, inputs, hidden_size):
        raise ConfigError(f"engine={name!r}: {reason}; choose engine='auto'")
    return name


def _resolve_half_precision(name: str, cell: Cell, inputs: Tensor, precision: str) -> str:
    if precision not in get_args(Precision):
        raise ConfigError(f"precision: {unknown_choice(precision, get_args(Precision))}")
    if name not in ("auto", "native"):
        raise ConfigError(f"precision={precision!r}: engine {name!r} has none but float32; choose engine='native'")
    if reason := native.unsupported_reason(cell, inputs, precision=precision):
        raise ConfigError(f"precision={precision!r}: {reason}; choose precision='float32'")
    return "native"


def run_engine(
    name: str,
    cell: Cell,
    weights: CellWeights,
    inputs: Float[Tensor, "B T I"],
    state: State | None = None,
    reset_mask: Bool[Tensor, "B T"] | None = None,
    *,
    recompute: bool = False,
    precision: Precision = "float32",
) -> RNNOutput:
    """States at every step, and the final state, of `cell` run over `inputs` by an engine.

    Args:
        name: name in `ENGINES`, or `auto`.
        cell: the cell.
        weights: its weights.
        inputs: input sequences.
        state: initial state, each part [B, H]; zero by default.
        reset_mask: True where the state is set to zero before a step.
        recompute: recompute in the backward pass instead of storing: less memory, more time.
        precision: arithmetic of the products.

    Raises:
        ConfigError: there is no such engine, or it does not support the cell, the inputs or the precision.
    """
    engine = resolve_engine(name, cell, inputs, int(weights.weight_hh.shape[1]), precision)
    options: dict[str, Any] = {"recompute": recompute}
    if engine == "native":
        options["precision"] = precision
    return _run_in_one_dtype(engine, cell, weights, inputs, state, reset_mask, **options)


def layer_runner(
    name: str,
    cell: Cell,
    inputs: Float[Tensor, "T B I"],
    hidden_size: int,
    precision: Precision = "float32",
) -> LayerRunner:
    """Function `(weights of each direction, inputs [T, B, I], state) -> LayerOutput` that runs layers by an engine.

    Outputs lie in memory of their own, so that the caller may change them in place.

    Args:
        name: name in `ENGINES`, or `auto`.
        cell: cell of the layers.
        inputs: example of the inputs.
        hidden_size: H.
        precision: arithmetic of the products.

    Raises:
        ConfigError: there is no such engine, or it does not support the cell, the inputs or the precision.
    """
    engine = resolve_engine(name, cell, inputs, hidden_size, precision, steps=len(inputs))
    if engine == "native":
        return partial(native.run_layer, cell, precision=precision)
    return partial(run_directions, partial(_run_in_one_dtype, engine, cell))


def _run_in_one_dtype(
    engine: str,
    cell: Cell,
    weights: CellWeights,
    inputs: Tensor,
    state: State | None,
    reset_mask: Tensor | None = None,
    **options: Any,
) -> RNNOutput:
    """Run an engine; under autocast, a fused loop computes everything in the dtype of the weights: it cannot mix."""
    device, run = inputs.device.type, ENGINES[engine].run
    if engine == "reference" or not torch.is_autocast_enabled(device):
        return run(cell, weights, inputs, state, reset_mask, **options)
    with torch.autocast(device, enabled=False):
        dtype = weights.weight_hh.dtype
        state = state and tuple(part.to(dtype) for part in state)
        return run(cell, weights, inputs.to(dtype), state, reset_mask, **options)
