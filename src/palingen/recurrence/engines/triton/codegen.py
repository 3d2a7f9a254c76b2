"""Triton code of a cell's step and of its vector-Jacobian product, which completes the folder `kernels`.

The step is analysed as for the native engine (`native/step_analysis.py`); a vector of units is here a block of units of
several sequences.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import torch

from palingen.recurrence.cells import Cell
from palingen.recurrence.engines.native.aten_lowering import COMMON_TEMPLATES
from palingen.recurrence.engines.native.layout_ops import UnsupportedOperationError
from palingen.recurrence.engines.native.step_analysis import TRACE_SIZES, AnalyzedStep

aten = torch.ops.aten

TRITON_TEMPLATES: dict[Any, str] = {
    **COMMON_TEMPLATES,
    aten.reciprocal: "1.0 / {0}",
    aten.relu: "tl.where({0} > 0.0, {0}, {0} - {0})",
    aten.threshold_backward: "tl.where({1} > 0.0, {0}, {0} - {0})",
    aten.exp: "expm1({0}) + 1.0",
    aten.sigmoid_backward: "{0} * {1} * (1.0 - {1})",
    aten.tanh_backward: "{0} * (1.0 - {1} * {1})",
}
"""Triton expression of each pointwise operation; an operand is a block or a number."""

KERNELS = "blocks", "forward", "backward"
"""Files of the folder `kernels`, in the order in which they need each other."""

HEADER = "import triton\nimport triton.language as tl\n"

FIRST_FUNCTION = "@triton.jit\n"
"""Beginning of the part of a file that is used, after its description and imports."""


def generate_kernels(cell: Cell, only_sum: bool) -> str:
    """Module of the kernels of one cell.

    Args:
        cell: the cell.
        only_sum: whether its step depends on x_proj and h_proj only through their sum.

    Raises:
        UnsupportedOperationError: the step contains an operation without vector form.
    """
    code, other = (TritonGenerator(cell, only_sum, size).code() for size in TRACE_SIZES)
    if code != other:
        raise UnsupportedOperationError("the step depends on the number of sequences or units")
    files = [(Path(__file__).parent / "kernels" / f"{name}.py").read_text() for name in KERNELS]
    functions = [text[text.index(FIRST_FUNCTION) :] for text in files]
    return "\n\n".join([f"{HEADER}{code}", *functions])


class TritonGenerator(AnalyzedStep):
    """Generator of the functions of one cell from one trace."""

    def code(self) -> str:
        """Constants, step and gradient."""
        return "\n\n".join([self._constants(), self._step(), self._gradient()]) + "\n"

    def _constants(self) -> str:
        cell = self.cell
        numbers = {
            "GATES": len(cell.gates),
            "GROUP": group_size(cell),
            "STATES": len(cell.state),
            "EXTRAS": len(cell.extra_weights),
            "SAVED": len(self.saved),
        }
        return "\n" + "\n".join(f"{name} = tl.constexpr({number})" for name, number in numbers.items()) + "\n"

    def _step(self) -> str:
        gates = range(len(self.cell.gates))
        loads = [f"sum_{gate} = x_proj[{gate}] + h_proj[{gate}]" for gate in gates]
        if len(self.projections) == 2:
            loads = [f"{name}_{gate} = {name}[{gate}]" for name in self.projections for gate in gates]
        results = [*self.next_state, *self.saved]
        known = [f"{name}_{gate}" for name in self.projections for gate in gates]
        returned = f"return {_blocks(self.next_state, 'x_proj[0]')}, {_blocks(self.saved, 'x_proj[0]')}"
        parameters = "x_proj, h_proj, state, extra"
        return _function("cell_step", parameters, [*loads, *self._compute(results, known), returned])

    def _gradient(self) -> str:
        loads = [f"{name} = saved[{index}]" for index, name in enumerate(self.saved)]
        d_x_proj, *d_h_proj = (self.gradients[f"d_{name}"] for name in self.projections)
        results = [d_x_proj, *(d_h_proj or [d_x_proj]), self.gradients["d_state"], self.gradients["d_extra"]]
        returned = "return " + ", ".join(_blocks(vectors, "d_next[0]") for vectors in results)
        body = [*loads, *self._compute(self.backward, self.saved), returned]
        return _function("cell_gradient", "saved, state, extra, d_next", body)

    def _compute(self, results: Sequence[str], known: Collection[str]) -> list[str]:
        """Instructions that compute `results` from the inputs and the `known` blocks."""
        return [f"{name} = {self._expression(name)}" for name in self.required(results, known)]

    def _expression(self, name: str) -> str:
        instruction = self.instructions[name]
        if instruction.op not in TRITON_TEMPLATES:
            raise UnsupportedOperationError(f"the step uses {instruction.op}, which has no Triton form")
        return TRITON_TEMPLATES[instruction.op].format(*map(_operand, instruction.operands))


def group_size(cell: Cell) -> int:
    """Gates of a unit in the kernels' columns: a power of two."""
    return 1 << (len(cell.gates) - 1).bit_length()


def _operand(name: str) -> str:
    """Block or number: the literals of C++ end in f."""
    return f"({name[:-1]})" if name.endswith("f") else name


def _blocks(vectors: Sequence[str], like: str) -> str:
    """Tuple of blocks; a literal becomes a block."""
    blocks = [f"tl.zeros_like({like}) + {_operand(name)}" if name.endswith("f") else name for name in vectors]
    return f"({', '.join(blocks)}{',' if len(blocks) == 1 else ''})"


def _function(name: str, parameters: str, body: list[str]) -> str:
    lines = "\n".join(f"    {line}" for line in body)
    return f"\n@triton.jit\ndef {name}({parameters}):\n{lines}\n"
