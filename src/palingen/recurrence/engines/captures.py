"""Values that a cell's step reads from outside its arguments.

The native and the compiled engine trace a step once. A tensor that the step reads from a closure or a global variable
would keep the value of that moment, and get no gradient; so they refuse such a step, and `auto` takes the reference.
Numbers and functions are allowed as long as they do not change.
"""

import functools
import inspect
import operator
from enum import Enum
from types import BuiltinFunctionType, CodeType, FunctionType, MethodDescriptorType, MethodType, ModuleType
from typing import Any

from torch import Tensor, nn

from palingen.recurrence.cells import Cell

CONSTANTS = (bool, int, float, complex, str, bytes, type(None), Enum, CodeType)

TRUSTED_PACKAGES = {"builtins", "functools", "jaxtyping", "math", "operator", "torch", "typing"}
"""Packages whose functions and modules hold no state that a step could read."""

Constants = list[tuple[str, object]]

_first_constants: dict[Cell, tuple[tuple[str, object], ...]] = {}
"""Numbers, other constants and code of functions that each step read when it was first compiled."""

_unproblematic: dict[object, tuple[object, ...]] = {}
"""All that a step read when it was last inspected, for steps that read nothing that can change in itself."""


def frozen_reason(cell: Cell) -> str | None:
    """Reason why a compiled step would compute with values of the past, or None."""
    step = inspect.unwrap(cell.step)
    reads = _reads(step)
    before = _unproblematic.get(step, ())
    if before and len(reads) == len(before) and all(map(operator.is_, reads, before)):
        return None  # the rest takes longer than a step of a small layer
    constants: Constants = []
    if reason := _inspect(step, "step", constants, set()):
        return reason
    if reads and all(isinstance(value, BuiltinFunctionType) or _is_trusted(value) for value in reads[1:]):
        _unproblematic[step] = reads
    first = _first_constants.setdefault(cell, tuple(constants))
    changed = [name for (name, value), before in zip(constants, first, strict=False) if (name, value) != before]
    return f"the step reads {changed[0]!r}, which has changed since the step was compiled" if changed else None


def _reads(step: object) -> tuple[object, ...]:
    """Code of a function and the global values that it reads; empty if it reads others."""
    if not isinstance(step, FunctionType) or step.__closure__ or step.__defaults__ or step.__kwdefaults__:
        return ()
    values = step.__globals__
    return (step.__code__, *(values[name] for name in _names(step.__code__) if name in values))


def _inspect(value: object, name: str, constants: Constants, visited: set[int]) -> str | None:
    """Reason why `value` must not be frozen; collects the constants in it."""
    if isinstance(value, CONSTANTS):
        constants.append((name, value))
        return None
    if isinstance(value, Tensor | nn.Module):
        kind = "tensor" if isinstance(value, Tensor) else "module"
        return f"the step reads the {kind} {name!r} from outside its arguments; make its values extra weights"
    if isinstance(value, type | MethodDescriptorType) or _is_stateless_builtin(value) or _is_trusted(value):
        return None
    if isinstance(value, FunctionType):
        return _inspect_function(value, name, constants, visited)
    if isinstance(value, MethodType) and isinstance(value.__self__, type):
        return _inspect(value.__func__, name, constants, visited)
    if isinstance(value, functools.partial):
        parts = [value.func, *value.args, *value.keywords.values()]
        return _first_reason({f"{name}[{index}]": part for index, part in enumerate(parts)}, constants, visited)
    if isinstance(value, tuple | frozenset):
        return _first_reason({f"{name}[{index}]": item for index, item in enumerate(value)}, constants, visited)
    return f"the step reads {name!r} from outside its arguments, a {type(value).__name__} that may change"


def _inspect_function(function: FunctionType, name: str, constants: Constants, visited: set[int]) -> str | None:
    if id(function) in visited:
        return None
    visited.add(id(function))
    constants.append((name, function.__code__))
    names = _names(function.__code__)
    values: dict[str, Any] = {name: function.__globals__[name] for name in names if name in function.__globals__}
    if function.__closure__:
        values |= inspect.getclosurevars(function).nonlocals
    values |= {f"default {index}": value for index, value in enumerate(function.__defaults__ or ())}
    values |= function.__kwdefaults__ or {}
    for owner in [value for value in values.values() if isinstance(value, ModuleType | type | FunctionType)]:
        values |= {f"{owner.__name__}.{attribute}": read for attribute, read in _attributes(owner, names).items()}
    return _first_reason(
        {name: value for name, value in values.items() if not isinstance(value, ModuleType)}, constants, visited
    )


def _attributes(owner: ModuleType | type | FunctionType, names: list[str]) -> dict[str, Any]:
    """Those attributes of a module, a class or a function that a step may read, out of `names`."""
    if _is_trusted(owner):
        return {}
    if isinstance(owner, FunctionType):
        return {name: vars(owner)[name] for name in names if name in vars(owner)}
    present = [name for name in names if hasattr(owner, name)]
    if isinstance(owner, type):  # fields of instances, such as those of a named tuple, hold no value of the class
        present = [name for name in present if not inspect.isdatadescriptor(inspect.getattr_static(owner, name))]
    return {name: getattr(owner, name) for name in present}


def _first_reason(values: dict[str, Any], constants: Constants, visited: set[int]) -> str | None:
    reasons = (_inspect(value, name, constants, visited) for name, value in values.items())
    return next((reason for reason in reasons if reason), None)


@functools.cache
def _names(code: CodeType) -> list[str]:
    """Global names and attributes that a function uses, those of functions within it included."""
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return list(dict.fromkeys([*code.co_names, *(name for nested in inner for name in _names(nested))]))


def _is_stateless_builtin(value: object) -> bool:
    """Whether this is a builtin function, or a method of a class; a bound one, as `random.random`, has a state."""
    return isinstance(value, BuiltinFunctionType) and isinstance(value.__self__, ModuleType | type | None)


def _is_trusted(value: object) -> bool:
    module = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return isinstance(value, ModuleType | type | FunctionType) and str(module).partition(".")[0] in TRUSTED_PACKAGES
