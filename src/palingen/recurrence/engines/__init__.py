"""The same function as `unroll`, fast: an engine runs a cell over time, gradients included, and equals the equations.

    equations   the plain loop, the definition; runs everything
    fused       any cell, its step compiled once by torch (`fused.py`); any device and precision
    native      any pointwise cell, the whole loop in C++ made from its step (`native.py`); float32 on a processor
    auto        native where it can run, else fused where the sequence repays the compiling, else the equations

To add one, write a module with `missing` and `run` and add it to `ENGINES` and `EngineName`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from palingen.config import unknown
from palingen.errors import ConfigError
from palingen.recurrence.cells import Cell, State
from palingen.recurrence.engines import equations, fused, native
from palingen.recurrence.unroll import Unrolled, Weights

EngineName = Literal["auto", "equations", "fused", "native"]


@dataclass(frozen=True)
class Engine:
    """How a cell is run over time."""

    run: Callable[..., Unrolled]
    """`(cell, weights, inputs, state, resets, *, recompute) -> Unrolled`, equal to `unroll`."""

    missing: Callable[[Cell, Tensor], str | None]
    """`(cell, inputs) -> ` why it cannot run this here, or None."""


ENGINES = {
    "native": Engine(native.run, native.missing),
    "fused": Engine(fused.run, fused.missing),
    "equations": Engine(equations.run, equations.missing),
}
"""By name, the fastest first."""

REPAID = 50
"""Steps from which on `auto` has a cell's step compiled; compiling takes a few seconds, once."""


def choose(name: str, cell: Cell, inputs: Float[Tensor, "B T I"]) -> str:
    """The engine for this run: the one called `name`, or what `auto` means here.

    Raises:
        ConfigError: there is no such engine, or it cannot run this cell on these inputs.
    """
    if name == "auto":
        if native.missing(cell, inputs) is None:
            return "native"
        return "fused" if inputs.shape[1] >= REPAID else "equations"
    if name not in ENGINES:
        raise ConfigError(f"engine: {unknown(name, ('auto', *ENGINES))}")
    if why := ENGINES[name].missing(cell, inputs):
        raise ConfigError(f"engine: {name!r} cannot run this: {why}")
    return name


def run(
    name: str,
    cell: Cell,
    weights: Weights,
    inputs: Float[Tensor, "B T I"],
    state: State | None = None,
    resets: Bool[Tensor, "B T"] | None = None,
    *,
    recompute: bool = False,
) -> Unrolled:
    """As `unroll`, by the engine called `name`.

    Args:
        name: of an engine, or `auto`.
        cell: the cell.
        weights: its weights.
        inputs: what it reads.
        state: where it starts; None is h(0) = c(0) = 0.
        resets: where the state is forgotten before a step.
        recompute: make again in the backward pass what could be kept: less memory, more time.

    Raises:
        ConfigError: there is no such engine, or it cannot run this.
    """
    engine = choose(name, cell, inputs)
    kind = inputs.device.type
    if engine != "equations" and torch.is_autocast_enabled(kind):  # these mix no precisions: all in that of the weights
        with torch.autocast(kind, enabled=False):
            inputs = inputs.to(weights.hidden.dtype)
            state = state and tuple(part.to(weights.hidden.dtype) for part in state)
            return ENGINES[engine].run(cell, weights, inputs, state, resets, recompute=recompute)
    return ENGINES[engine].run(cell, weights, inputs, state, resets, recompute=recompute)
