"""Cells that a config names: built-in ones, and those of a user, which are tried on tiny tensors first."""

from collections.abc import Iterator

import torch
from torch import Generator, Tensor

from palingen.recurrence.cells import CELLS, Cell
from palingen.runtime.errors import ConfigError
from palingen.runtime.user_module import error_text, load_part

B, H = 2, 3
"""Sequences and hidden units of the trial."""


def load_cell(cell: str) -> Cell:
    """Cell that a config names.

    Raises:
        ConfigError: a user's file fails, has no such object, or the object is no cell that can be trained.
        RunError: the cell was read from a run, and nobody has trusted its code.
    """
    return load_part("cell", cell, CELLS, Cell, _check)


def _check(cell: Cell) -> None:
    """Raise ConfigError unless names and step of a cell fit each other."""
    for problem in _name_problems(cell):
        raise ConfigError(problem)
    random = Generator().manual_seed(0)
    parts, stacked = len(cell.state), len(cell.gates) * H
    shapes = (B, stacked), (B, stacked), *[(B, H)] * parts, *[(H,)] * len(cell.extra_weights)
    x_proj, h_proj, *others = (torch.randn(shape, generator=random).requires_grad_() for shape in shapes)
    arguments = f"{len(cell.gates)} gates and {H} units give it x_proj and h_proj of shape {(B, stacked)}"
    try:
        state = cell.step(x_proj, h_proj, tuple(others[:parts]), *others[parts:])
    except Exception as error:
        raise ConfigError(f"{error_text(error)} ({arguments})") from error
    if not isinstance(state, tuple) or len(state) != parts:
        count = f"{len(state)} parts" if isinstance(state, tuple) else type(state).__name__
        raise ConfigError(f"the step returns {count}, must return a tuple of {parts}: {', '.join(cell.state)}")
    for name, part in zip(cell.state, state, strict=True):
        if not isinstance(part, Tensor) or part.shape != (B, H):
            shape = tuple(part.shape) if isinstance(part, Tensor) else type(part).__name__
            raise ConfigError(f"the step returns {name} of shape {shape}, must be {(B, H)}; {arguments}")
        if part.dtype != torch.float32:
            raise ConfigError(f"the step returns {name} in {part.dtype} for inputs in float32, must keep the dtype")
        if not bool(part.isfinite().all()):
            raise ConfigError(f"the step returns NaN or infinity in {name} for inputs of size 1")
    if not state[0].requires_grad:
        raise ConfigError("the step returns h without a gradient; it must be a differentiable function")


def _name_problems(cell: Cell) -> Iterator[str]:
    """Reasons why the names of a cell are invalid."""
    for kind in ("gates", "state", "extra_weights"):
        names = getattr(cell, kind)
        is_valid = isinstance(names, tuple) and all(isinstance(name, str) and name.isidentifier() for name in names)
        if not is_valid or len(set(names)) < len(names) or not (names or kind == "extra_weights"):
            yield f"{kind}={names!r:.80}: must be a tuple of different names"
    if cell.state[:1] != ("h",):
        yield f"state={cell.state!r:.80}: must begin with 'h'"
    for kind in ("forget_gate", "input_gate"):
        if (gate := getattr(cell, kind)) is not None and gate not in cell.gates:
            yield f"{kind}={gate!r:.80}: must be one of gates={cell.gates!r}"
