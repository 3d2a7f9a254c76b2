"""Values that a cell's step reads from outside its arguments.

The native and the compiled engine trace a step once. A tensor that the step reads from a closure or a global variable
would keep the value of that moment, and get no gradient; so they refuse such a step, and `auto` takes the reference.
Numbers are allowed as long as they do not change.
"""

import functools
import inspect
import operator
from types import BuiltinFunctionType, CodeType, FunctionType, MethodDescriptorType, ModuleType
from typing import Any

from torch import Tensor, nn

from palingen.recurrence.cells import Cell

CONSTANTS = (bool, int, float, complex, str, bytes, type(None))

TRUSTED_PACKAGES = {"builtins", "functools", "jaxtyping", "math", "operator", "torch", "typing"}
"""Packages whose functions and modules hold no state that a step could read."""

Numbers = list[tuple[str, object]]

_first_numbers: dict[Cell, tuple[tuple[str, object], ...]] = {}
"""Numbers that each step read when it was first compiled."""


_unproblematic: dict[object, tuple[object, ...]] = {}
"""All that a step read when it was last inspected, for steps that read nothing that can change in itself."""


def frozen_reason(cell: Cell) -> str | None:
    """Reason why a compiled step would compute with values of the past, or None."""
    step = inspect.unwrap(cell.step)
    reads = _reads(step)
    before = _unproblematic.get(step, ())
    if before and len(reads) == len(before) and all(map(operator.is_, reads, before)):
        return None  # the rest takes longer than a step of a small layer
    numbers: Numbers = []
    if reason := _inspect(step, "step", numbers, set()):
        return reason
    if reads and all(isinstance(value, BuiltinFunctionType) or _is_trusted(value) for value in reads[1:]):
        _unproblematic[step] = reads
    first = _first_numbers.setdefault(cell, tuple(numbers))
    changed = [name for (name, value), before in zip(numbers, first, strict=False) if (name, value) != before]
    return f"the step reads {changed[0]!r}, which has changed since the step was compiled" if changed else None


def _reads(step: object) -> tuple[object, ...]:
    """Code of a function and the global values that it reads; empty if it reads others."""
    if not isinstance(step, FunctionType) or step.__closure__ or step.__defaults__ or step.__kwdefaults__:
        return ()
    values = step.__globals__
    return (step.__code__, *(values[name] for name in _names(step.__code__) if name in values))


def _inspect(value: object, name: str, numbers: Numbers, visited: set[int]) -> str | None:
    """Reason why `value` must not be frozen; collects the constants in it."""
    if isinstance(value, CONSTANTS):
        numbers.append((name, value))
        return None
    if isinstance(value, Tensor | nn.Module):
        kind = "tensor" if isinstance(value, Tensor) else "module"
        return f"the step reads the {kind} {name!r} from outside its arguments; make its values extra weights"
    if isinstance(value, type | BuiltinFunctionType | MethodDescriptorType) or _is_trusted(value):
        return None
    if isinstance(value, FunctionType):
        return _inspect_function(value, numbers, visited)
    if isinstance(value, functools.partial):
        parts = [value.func, *value.args, *value.keywords.values()]
        return _first_reason({f"{name}[{index}]": part for index, part in enumerate(parts)}, numbers, visited)
    if isinstance(value, tuple | frozenset):
        return _first_reason({f"{name}[{index}]": item for index, item in enumerate(value)}, numbers, visited)
    return f"the step reads {name!r} from outside its arguments, a {type(value).__name__} that may change"


def _inspect_function(function: FunctionType, numbers: Numbers, visited: set[int]) -> str | None:
    if id(function) in visited:
        return None
    visited.add(id(function))
    names = _names(function.__code__)
    values: dict[str, Any] = {name: function.__globals__[name] for name in names if name in function.__globals__}
    if function.__closure__:
        values |= inspect.getclosurevars(function).nonlocals
    values |= {f"default {index}": value for index, value in enumerate(function.__defaults__ or ())}
    values |= function.__kwdefaults__ or {}
    for module in [value for value in values.values() if isinstance(value, ModuleType) and not _is_trusted(value)]:
        values |= {f"{module.__name__}.{name}": getattr(module, name) for name in names if hasattr(module, name)}
    return _first_reason(
        {name: value for name, value in values.items() if not isinstance(value, ModuleType)}, numbers, visited
    )


def _first_reason(values: dict[str, Any], numbers: Numbers, visited: set[int]) -> str | None:
    reasons = (_inspect(value, name, numbers, visited) for name, value in values.items())
    return next((reason for reason in reasons if reason), None)


@functools.cache
def _names(code: CodeType) -> list[str]:
    """Global names and attributes that a function uses, those of functions within it included."""
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return list(dict.fromkeys([*code.co_names, *(name for nested in inner for name in _names(nested))]))


def _is_trusted(value: object) -> bool:
    module = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return isinstance(value, ModuleType | FunctionType) and str(module).partition(".")[0] in TRUSTED_PACKAGES
