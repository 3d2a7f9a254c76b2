"""Cells, inputs and comparisons with which the tests run every engine against the reference."""

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from palingen.recurrence.cells import CELLS, Cell, State
from palingen.recurrence.engines import ENGINES, run_engine
from palingen.recurrence.unroll import CellWeights


def leaky(x_proj, h_proj, state):
    """Step that is not in the registry, and does not add x_proj and h_proj."""
    (h,) = state
    return (0.5 * h + torch.tanh(x_proj - 0.5 * h_proj * h),)


def sine(x_proj, h_proj, state):
    """Step with an operation that the native engine does not support."""
    return (torch.sin(x_proj + h_proj),)


def zoneout(x_proj, h_proj, state):
    """Step whose units each keep their state now and then, at random."""
    mask = torch.rand_like(state[0]) < 0.1
    return (torch.where(mask, state[0], torch.tanh(x_proj + h_proj)),)


LEAKY = Cell(leaky, gates=("h",))
SINE = Cell(sine, gates=("h",))
ZONEOUT = Cell(zoneout, gates=("h",))
ALL_CELLS = {**CELLS, "leaky": LEAKY}
CPU_ENGINES = [name for name in ENGINES if name != "triton"]
FAST_ENGINES = [(engine, cell) for engine in ("native", "compiled") for cell in ALL_CELLS]

TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-5}
"""Largest difference, relative to the largest number of a tensor. Float32 rounds at 6e-8, and sums up to 130 of those
at each of a few steps; the polynomials of the native engine add as much again."""


class Shape(NamedTuple):
    """Sequences, steps, inputs, hidden units."""

    B: int
    T: int
    I: int
    H: int


SMALL = Shape(B=3, T=7, I=2, H=5)


class Case(NamedTuple):
    """Arguments of a run, all requiring gradients."""

    inputs: Tensor
    state: State | None
    weights: CellWeights

    @property
    def leaves(self) -> list[Tensor]:
        """All tensors."""
        return [self.inputs, *(self.state or ()), *self.weights[:3], *self.weights.extra]

    def to(self, dtype: torch.dtype) -> "Case":
        """Leaves of the same values in another dtype."""

        def copy(tensor: Tensor) -> Tensor:
            return tensor.detach().to(dtype).requires_grad_()

        weights = CellWeights(*map(copy, self.weights[:3]), tuple(map(copy, self.weights.extra)))
        return Case(copy(self.inputs), self.state and tuple(map(copy, self.state)), weights)


def random_case(cell: Cell, shape: Shape = SMALL, seed: int = 0, *, state: bool = True) -> Case:
    """Random float32 arguments."""
    B, T, I, H = shape
    GH = len(cell.gates) * H
    generator = Generator().manual_seed(seed)

    def normal(*size: int, scale: float = 1.0) -> Tensor:
        return (scale * torch.randn(*size, generator=generator)).requires_grad_()

    initial = tuple(normal(B, H) for _ in cell.state) if state else None
    extra = tuple(normal(H) for _ in cell.extra_weights)
    weights = CellWeights(normal(GH, I), normal(GH, H, scale=H**-0.5), normal(GH), extra)
    return Case(normal(B, T, I), initial, weights)


def outputs_and_gradients(engine, cell, case, *, only_final=False, **options):
    """All states, and the gradients of all arguments for random gradients of the outputs."""
    output = run_engine(engine, cell, case.weights, case.inputs, case.state, **options)
    outputs = [*([] if only_final else output.states), *output.final_state]
    generator = Generator().manual_seed(1)
    d_outputs = [torch.randn(part.shape, generator=generator).to(part) for part in outputs]
    gradients = torch.autograd.grad(outputs, case.leaves, d_outputs, allow_unused=True, materialize_grads=True)
    return [*output.states, *output.final_state, *gradients]


def assert_equals_reference(engine, cell, case, *, dtype=None, **options):
    """Check an engine in its dtype against the reference in float64, outputs and gradients."""
    dtype = dtype or (torch.float32 if engine == "native" else torch.float64)
    expected = outputs_and_gradients("reference", cell, case.to(torch.float64), **options)
    actual = outputs_and_gradients(engine, cell, case.to(dtype), **options)
    for reference, result in zip(expected, actual, strict=True):
        assert result.shape == reference.shape
        scale = max(1.0, reference.abs().max().item())
        assert (result.double() - reference).abs().max().item() <= TOLERANCE[dtype] * scale
