"""Lowering of a traced step to C++: every pointwise operation becomes one instruction for each vector of units."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node

from palingen.recurrence.cells import Cell
from palingen.recurrence.engines.native.layout_ops import (
    LAYOUT_OPS,
    UnsupportedOperationError,
    Vectors,
    require_supported,
)
from palingen.recurrence.engines.tracing import TraceSize, trace_step

aten = torch.ops.aten

COMMON_TEMPLATES: dict[Any, str] = {
    aten.add: "{0} + {1}",
    aten.sub: "{0} - {1}",
    aten.rsub: "{1} - {0}",
    aten.mul: "{0} * {1}",
    aten.div: "{0} / {1}",
    aten.neg: "-{0}",
    aten.sigmoid: "sigmoid({0})",
    aten.tanh: "tanh({0})",
    aten.expm1: "expm1({0})",
}
"""Expressions of pointwise operations without literals, the same in C++ and in Triton's language."""

CPP_TEMPLATES: dict[Any, str] = {
    **COMMON_TEMPLATES,
    aten.reciprocal: "1.0f / {0}",
    aten.relu: "({0} > 0.0f ? {0} : {0} - {0})",
    aten.threshold_backward: "({1} > 0.0f ? {0} : {0} - {0})",
    aten.exp: "expm1({0}) + 1.0f",
    aten.sigmoid_backward: "{0} * {1} * (1.0f - {1})",
    aten.tanh_backward: "{0} * (1.0f - {1} * {1})",
}
"""C++ expression of each pointwise operation; an operand is a vector or a scalar literal."""

SAVED_OPS = {aten.sigmoid, aten.tanh, aten.expm1, aten.exp, aten.div}
"""Operations that are expensive to recompute, whose results are saved for the gradient."""

IDENTITY_OPS = {aten.detach, aten.alias, aten.clone, aten.view, aten.expand}
"""Operations that return their operand; the shape of the result is checked. A copy to another dtype is none of them."""

CONSTANT_OPS = {
    **dict.fromkeys((aten.zeros_like, aten.new_zeros, aten.zeros), "0.0f"),
    **dict.fromkeys((aten.ones_like, aten.new_ones, aten.ones), "1.0f"),
}
"""Operations that return a constant tensor, and its value."""


@dataclass(frozen=True)
class Instruction:
    """Computation of one named vector."""

    code: str
    """C++ expression."""

    operands: tuple[str, ...] = ()
    """Names and literals in the expression."""

    is_saved: bool = False
    """Whether the gradient reads it from memory instead of recomputing it."""

    is_backward: bool = False
    """Whether it depends on the gradient of the next state."""

    op: Any = None
    """Pointwise operation; None for an input."""


class LoweredStep:
    """Step of a cell and its vector-Jacobian product as C++ instructions.

    `instructions` maps names to instructions in the order of computation, `outputs` are the vectors of the results of
    `trace_step`.

    Raises:
        UnsupportedOperationError: the step contains an operation without vector form.
    """

    def __init__(self, cell: Cell, only_sum: bool, size: TraceSize) -> None:
        self.size = size
        self.instructions: dict[str, Instruction] = {}
        self.outputs: list[Vectors] = []
        self._values: dict[Node, Any] = {}
        trace = trace_step(cell, only_sum, size)
        inputs = iter(self._inputs(cell, only_sum))
        for node in trace.graph.nodes:
            if node.op == "placeholder":
                self._values[node] = next(inputs)
            elif node.op == "call_function":
                self._values[node] = self._lower(node)
            elif node.op == "get_attr":
                self._values[node] = _literal(getattr(trace, node.target))
            else:
                self.outputs = [self._values[output] for output in node.args[0]]

    def _inputs(self, cell: Cell, only_sum: bool) -> list[Vectors]:
        """Vectors of the inputs of `trace_step`. Projections are saved if the gradient reads them."""
        gates = range(len(cell.gates))
        projections = [[f"{name}_{gate}" for gate in gates] for name in projection_names(only_sum)]
        for name in projection_names(only_sum):
            self.instructions |= {f"{name}_{gate}": Instruction(f"{name}[{gate}]", is_saved=True) for gate in gates}
        states, extras = range(len(cell.state)), range(len(cell.extra_weights))
        single = [
            *(f"state[{part}]" for part in states),
            *(f"extra[{index}]" for index in extras),
            *(f"d_next[{part}]" for part in states),
        ]
        return [*projections, *([name] for name in single)]

    def _lower(self, node: Node) -> Any:
        """Vectors of a node's result; of a split, a list of vectors."""
        op = getattr(node.target, "overloadpacket", node.target)  # one for tensors and scalars
        operands = [self._operand(argument) for argument in node.args]
        result = self._apply(op, node, operands)
        shape = getattr(node.meta.get("val"), "shape", ())
        require_supported(len(shape) < 2 or shape == (self.size.B, len(result) * self.size.H), node)
        return result

    def _apply(self, op: Any, node: Node, operands: list[Any]) -> Any:
        if op in IDENTITY_OPS:
            return operands[0]
        if op in CONSTANT_OPS:
            shape = node.meta["val"].shape
            return [CONSTANT_OPS[op]] * max(1, shape[-1] // self.size.H if shape else 1)
        if op in LAYOUT_OPS:
            return LAYOUT_OPS[op](node, operands, self.size)
        if getattr(op, "__name__", "") == "getitem":
            return operands[0][node.args[1]]
        if op == aten.pow and node.args[1] == 1:  # in the gradient of a square
            return operands[0]
        if op == aten.pow and node.args[1] == 2:
            op, operands = aten.mul, [operands[0], operands[0]]
        if op not in CPP_TEMPLATES or node.kwargs:
            raise UnsupportedOperationError(f"the step uses {node.target}, which has no vector form")
        width = max(map(len, operands))
        columns = zip(*(operand * width if len(operand) == 1 else operand for operand in operands), strict=True)
        return [self._emit(op, column) for column in columns]

    def _operand(self, argument: Any) -> Any:
        if isinstance(argument, Node):
            return self._values[argument]
        if isinstance(argument, list | tuple):
            return [self._operand(part) for part in argument]
        if isinstance(argument, bool) or not isinstance(argument, int | float):
            return argument
        return _literal(argument)

    def _emit(self, op: Any, operands: tuple[str, ...]) -> str:
        """Add an instruction and return its name; the vector that it equals if it adds or multiplies a zero."""
        if "0.0f" in operands and op == aten.add:
            return next((operand for operand in operands if operand != "0.0f"), "0.0f")
        if "0.0f" in operands and op == aten.mul:
            return "0.0f"
        is_backward = any(
            operand.startswith("d_next") or (operand in self.instructions and self.instructions[operand].is_backward)
            for operand in operands
        )
        name, code = f"v{len(self.instructions)}", CPP_TEMPLATES[op].format(*operands)
        self.instructions[name] = Instruction(code, operands, op in SAVED_OPS and not is_backward, is_backward, op)
        return name


def projection_names(only_sum: bool) -> tuple[str, ...]:
    """Names of the step's projections in C++."""
    return ("sum",) if only_sum else ("x_proj", "h_proj")


def _literal(number: float | Tensor) -> Vectors:
    if isinstance(number, Tensor) and number.numel() != 1:
        raise UnsupportedOperationError("the step uses a constant tensor, which has no vector form")
    return [f"{float(number)!r}f"]
