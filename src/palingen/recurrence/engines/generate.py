"""A cell's step, and its vector-Jacobian product, as C++ on vectors: what `cell.cpp` is compiled with.

The step is traced once. Every operation of the trace becomes a line for vectors of units; a tensor that stacks the
gates is as many vectors as there are gates. What the gradient needs of the step is kept where it was dear (an
exponential), and made again where it is cheap.
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node
from torch.fx.experimental.proxy_tensor import make_fx

from palingen.recurrence.cells import Cell
from palingen.recurrence.engines.operations import (
    ARRANGING,
    DEAR,
    ONES,
    OPERATIONS,
    SAME,
    ZEROS,
    UnknownOperationError,
    aten,
)

SIZES = (3, 5), (4, 7)
"""Sequences and units of two traces; what is generated must not depend on them."""


def generate(cell: Cell, adds: bool) -> str:
    """The cell as a header for `cell.cpp`.

    Args:
        cell: the cell.
        adds: whether its step looks at the sum of x_part and h_part only.

    Raises:
        UnknownOperationError: the step does something that has no vector form here.
    """
    one, other = (_Writer(cell, adds, *sizes).header() for sizes in SIZES)
    if one != other:
        raise UnknownOperationError("what it computes depends on the number of sequences or units")
    return one


class _Writer:
    def __init__(self, cell: Cell, adds: bool, B: int, H: int) -> None:
        self.cell, self.adds, self.B, self.H = cell, adds, B, H
        self.values: dict[Node, list[str]] = {}
        self.lines: dict[str, tuple[str, list[str], bool]] = {}  # name: code, names it uses, whether it is dear
        self.parts: dict[str, str] = {}
        self.trace = _traced(cell, adds, B, H)
        self._read()

    def header(self) -> str:
        states, extras, gates = len(self.cell.state), len(self.cell.extras), len(self.cell.gates)
        outputs = [name for node in self.outputs for name in node]
        nexts, rest = outputs[:states], outputs[states:]
        parts = 1 if self.adds else 2
        d_parts, d_past, d_extras = (
            rest[: parts * gates],
            rest[parts * gates :][:states],
            rest[parts * gates + states :],
        )
        saved = self._saved(rest)
        keep = [f"    saved[{place}] = {name};" for place, name in enumerate(saved)]
        step = [*self._body([*nexts, *saved], set()), *_assign("next", nexts), *keep]
        known = {name: f"saved[{place}]" for place, name in enumerate(saved)}
        gradient = [
            *(f"    const Vector {name} = {code};" for name, code in known.items()),
            *self._body(rest, {*known}),
            *_assign("d_sum" if self.adds else "d_x", d_parts[:gates]),
            *([] if self.adds else _assign("d_h", d_parts[gates:])),
            *_assign("d_state", d_past),
            *_assign("d_extra", d_extras),
        ]
        parts_in = "const Vector *sum, const Vector *" if self.adds else "const Vector *x, const Vector *h"
        parts_out = "Vector *d_sum, Vector *" if self.adds else "Vector *d_x, Vector *d_h"
        return f"""// Made from the step of a cell by generate.py.
constexpr long GATES = {gates}, STATES = {states}, EXTRAS = {extras}, SAVED = {max(1, len(saved))};
constexpr bool ADDS = {str(self.adds).lower()}, CARRIES_HIDDEN = {str(d_past[0] != "0.0f").lower()};

inline void cell_step({parts_in}, const Vector *state, const Vector *extra, Vector *next, Vector *saved) {{
{chr(10).join(step)}
}}

inline void cell_gradient(const Vector *saved, const Vector *state, const Vector *extra, const Vector *d_next,
                          {parts_out}, Vector *d_state, Vector *d_extra) {{
{chr(10).join(gradient)}
}}
"""

    def _read(self) -> None:
        names = iter(self._placeholders())
        for node in self.trace.graph.nodes:
            if node.op == "placeholder":
                self.values[node] = next(names)
            elif node.op == "call_function":
                self.values[node] = self._operation(node)
            elif node.op == "get_attr":
                self.values[node] = self._constant(getattr(self.trace, node.target))
            else:
                self.outputs = [self.values[out] for out in node.args[0]]

    def _placeholders(self) -> Iterable[list[str]]:
        for part in ("sum",) if self.adds else ("x", "h"):
            self.parts |= {f"{part}_{gate}": f"{part}[{gate}]" for gate in range(len(self.cell.gates))}
            yield [f"{part}_{gate}" for gate in range(len(self.cell.gates))]
        for kind, count in (
            ("state", len(self.cell.state)),
            ("extra", len(self.cell.extras)),
            ("d_next", len(self.cell.state)),
        ):
            for place in range(count):
                yield [f"{kind}[{place}]"]

    def _operation(self, node: Node) -> list[str]:
        arguments = [self._value(argument) for argument in node.args]
        target = getattr(node.target, "overloadpacket", node.target)  # the same for tensors and for scalars
        shape = getattr(node.meta.get("val"), "shape", ())
        self._must(len(shape) <= 2, node)
        if target in SAME:
            return arguments[0]
        if target in ZEROS or target in ONES:
            return ["0.0f" if target in ZEROS else "1.0f"] * max(1, shape[-1] // self.H if shape else 1)
        if target in ARRANGING:
            return self._arranged(target, node, arguments)
        if getattr(target, "__name__", "") == "getitem":
            return arguments[0][node.args[1]]
        if target == aten.pow and node.args[1] == 1:  # of a square, in its gradient
            return arguments[0]
        if target == aten.pow and node.args[1] == 2:
            target, arguments = aten.mul, [arguments[0], arguments[0]]
        if target not in OPERATIONS or node.kwargs:
            raise UnknownOperationError(f"it has no vector form of {node.target}")
        width = max(len(argument) for argument in arguments)
        wide = [argument * width if len(argument) == 1 else argument for argument in arguments]
        return [self._line(target, [argument[place] for argument in wide]) for place in range(width)]

    def _arranged(self, target: Any, node: Node, arguments: list[Any]) -> list[Any]:
        """Gates taken apart or put together; the result of taking apart is a list of lists."""
        first_argument: list[Any] = arguments[0]
        if target == aten.cat:
            self._must(node.args[1] in (1, -1), node)
            return [name for part in first_argument for name in part]
        given: tuple[Any, ...] = node.args
        if target in (aten.slice, aten.slice_backward):
            axis, first, last = (
                (*given[1:], *(0, None, None)[len(given) - 1 :])[:3] if target == aten.slice else given[2:5]
            )
            if axis == 0:  # of all sequences
                self._must(first in (0, None) and (last is None or last >= self.B), node)
                return first_argument
            width = len(first_argument) if target == aten.slice else given[1][-1] // self.H
            gates = slice(self._gate(first, 0, width, node), self._gate(last, width, width, node))
            if target == aten.slice:
                return first_argument[gates]
            whole = ["0.0f"] * width
            whole[gates] = first_argument
            return whole
        self._must(len(given) < 3 or given[2] in (1, -1), node)
        sizes = given[1]
        parts = list(sizes) if isinstance(sizes, list | tuple) else [sizes] * (len(first_argument) * self.H // sizes)
        ends = [self._gate(sum(parts[: place + 1]), 0, len(first_argument), node) for place in range(len(parts))]
        return [first_argument[end - size // self.H : end] for end, size in zip(ends, parts, strict=True)]

    def _gate(self, place: Any, default: int, width: int, node: Node) -> int:
        """The gate at which a part of the stacked units begins or ends; a slice may end far beyond the last."""
        if place is None or place >= width * self.H:
            return default if place is None else width
        self._must(place % self.H == 0, node)
        return int(place // self.H)

    def _must(self, holds: bool, node: Node) -> None:
        if not holds:
            raise UnknownOperationError(f"it has no vector form of {node.target}{node.args}")

    def _value(self, argument: Any) -> Any:
        if isinstance(argument, Node):
            return self.values[argument]
        if isinstance(argument, list | tuple):
            return [self._value(part) for part in argument]
        if isinstance(argument, bool) or not isinstance(argument, int | float):
            return argument
        return [f"{float(argument)!r}f"]

    def _constant(self, tensor: Tensor) -> list[str]:
        if tensor.numel() != 1:
            raise UnknownOperationError("it has no vector form of a constant tensor")
        return [f"{float(tensor)!r}f"]

    def _line(self, target: Any, names: list[str]) -> str:
        if "0.0f" in names and target == aten.add:
            return next((name for name in names if name != "0.0f"), "0.0f")
        if "0.0f" in names and target == aten.mul:
            return "0.0f"
        name = f"v{len(self.lines)}"
        self.lines[name] = OPERATIONS[target].format(*names), names, target in DEAR
        return name

    def _saved(self, wanted: list[str]) -> list[str]:
        """What the gradient needs of the step: dear results, and the parts where it looks at them itself."""
        found: dict[str, None] = {}
        seen: set[str] = set()
        behind = [name for name in self.lines if self._depends(name, ("d_next",))]
        stack = list(wanted)
        while stack:
            name = stack.pop()
            if name in seen:
                continue
            seen.add(name)
            if name in self.parts or (name in self.lines and self.lines[name][2] and name not in behind):
                found[name] = None
            elif name in self.lines:
                stack.extend(self.lines[name][1])
        return sorted(found, key=lambda name: (len(name), name))

    def _depends(self, name: str, roots: tuple[str, ...]) -> bool:
        if name.startswith(roots):
            return True
        return name in self.lines and any(self._depends(used, roots) for used in self.lines[name][1])

    def _body(self, wanted: list[str], known: set[str]) -> list[str]:
        """The lines that make `wanted`, in order, from what is known and what is given."""
        needed: set[str] = set()
        stack = [name for name in wanted if name not in known]
        while stack:
            name = stack.pop()
            if name in self.parts:
                needed.add(name)
            elif name in self.lines and name not in needed:
                needed.add(name)
                stack.extend(used for used in self.lines[name][1] if used not in known)
        made = {**self.parts, **{name: code for name, (code, _, _) in self.lines.items()}}
        return [f"    const Vector {name} = {code};" for name, code in made.items() if name in needed]


def _assign(place: str, names: list[str]) -> list[str]:
    return [
        f"    {place}[{index}] = {f'all({name})' if name.endswith('f') else name};" for index, name in enumerate(names)
    ]


def _traced(cell: Cell, adds: bool, B: int, H: int) -> torch.fx.GraphModule:
    """`(*parts, *state, *extras, *d_next) -> (*next, *d_parts, *d_past, *d_extras)`."""
    step: Callable[..., Any] = inspect.unwrap(cell.step)  # one that checks its types at each call cannot be traced
    parts, states, extras = 1 if adds else 2, len(cell.state), len(cell.extras)

    def both(*tensors: Tensor) -> list[Tensor]:
        given, d_next = tensors[: parts + states + extras], tensors[parts + states + extras :]

        def forward(*given: Tensor) -> Any:
            part = given[:parts] if parts == 2 else (given[0], given[0].new_zeros(()))
            return step(*part, given[parts : parts + states], *given[parts + states :])

        nexts, pull_back = torch.func.vjp(forward, *given)[:2]
        return [*nexts, *pull_back(d_next)]

    wide, narrow = [torch.randn(B, len(cell.gates) * H) for _ in range(parts)], states + extras + states
    return make_fx(both)(*wide, *[torch.randn(B, H) for _ in range(narrow)])
