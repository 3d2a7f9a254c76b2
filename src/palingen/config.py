"""Checks that every config makes of itself, and the words in which it complains."""

import difflib
import math
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from palingen.errors import ConfigError


def check_types(config: Any) -> None:
    """Hold every field of a dataclass against its annotation: int, float (finite), str or a Literal.

    Raises:
        ConfigError: naming the field, its value and what it should be.
    """
    hints = get_type_hints(type(config))
    for field in fields(config):
        value, hint = getattr(config, field.name), hints[field.name]
        if get_origin(hint) is Literal:
            if value not in get_args(hint):
                raise ConfigError(f"{field.name}: {unknown(value, get_args(hint))}")
        elif hint is float:
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise ConfigError(f"{field.name}: {value!r} is not a finite number")
        elif isinstance(value, bool) is not (hint is bool) or not isinstance(value, hint):
            raise ConfigError(f"{field.name}: {value!r} is not of type {hint.__name__}")


def check(config: Any, name: str, holds: bool, needs: str) -> None:
    """Raise the ConfigError that names field and value unless `holds`."""
    check_value(name, getattr(config, name), holds, needs)


def check_value(name: str, value: object, holds: bool, needs: str) -> None:
    """Raise the ConfigError that names the value unless `holds`."""
    if not holds:
        raise ConfigError(f"{name}: {value!r} is not {needs}")


def unknown(value: object, known: Iterable[object]) -> str:
    """One line for a name that is not known, with the nearest one that is."""
    names = [str(name) for name in known]
    nearest = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    return f"{value!r} is not known{hint} (there are: {', '.join(names)})"
