"""Analysis of a lowered step: its results by name, the values it saves, and the instructions that each needs."""

from collections.abc import Collection, Sequence

from palingen.recurrence.cells import Cell
from palingen.recurrence.engines.native.aten_lowering import LoweredStep, projection_names
from palingen.recurrence.engines.tracing import TraceSize

TRACE_SIZES = TraceSize(B=3, H=5), TraceSize(B=4, H=7)
"""Sizes of two traces, which must give the same code."""


class AnalyzedStep:
    """Step of a cell and its vector-Jacobian product, as instructions on vectors of units.

    Attributes:
        next_state: vector of each part of the next state.
        gradients: vectors of the gradients of projections, state and extra weights, by name.
        saved: names of the values that the step saves for the gradient: those that are expensive to recompute.

    Args:
        cell: the cell.
        only_sum: whether its step depends on x_proj and h_proj only through their sum.
        size: size of the trace.

    Raises:
        UnsupportedOperationError: the step contains an operation without vector form.
    """

    def __init__(self, cell: Cell, only_sum: bool, size: TraceSize) -> None:
        lowered = LoweredStep(cell, only_sum, size)
        self.cell, self.instructions = cell, lowered.instructions
        self.projections = projection_names(only_sum)
        outputs = iter([vector for vectors in lowered.outputs for vector in vectors])
        states, gates = range(len(cell.state)), range(len(cell.gates))
        self.next_state = [next(outputs) for _ in states]
        self.gradients = {f"d_{name}": [next(outputs) for _ in gates] for name in self.projections}
        self.gradients["d_state"] = [next(outputs) for _ in states]
        self.gradients["d_extra"] = list(outputs)
        required = self.required(self.backward, stop_at_saved=True)
        self.saved = [name for name in required if self.instructions[name].is_saved]

    @property
    def backward(self) -> list[str]:
        """Vectors of all gradients."""
        return [vector for vectors in self.gradients.values() for vector in vectors]

    def required(
        self, results: Sequence[str], known: Collection[str] = (), *, stop_at_saved: bool = False
    ) -> list[str]:
        """Names of all instructions that `results` depend on, in the order of computation.

        Args:
            results: vectors to compute.
            known: vectors that are computed already.
            stop_at_saved: leave out the operands of saved values.
        """
        required: set[str] = set()
        stack = list(results)
        while stack:
            name = stack.pop()
            if name in self.instructions and name not in required and name not in known:
                required.add(name)
                instruction = self.instructions[name]
                stack.extend(() if stop_at_saved and instruction.is_saved else instruction.operands)
        return [name for name in self.instructions if name in required]
