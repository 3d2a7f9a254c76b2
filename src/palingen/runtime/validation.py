"""Validation of config fields and arguments, with one-line errors: `field=value: rule`."""

import difflib
import math
from collections.abc import Iterable
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from palingen.runtime.errors import ConfigError

MAX_SEED = 2**31 - 1


def validate_types(config: Any) -> None:
    """Check every field of a dataclass against its annotation: bool, int, float, str or Literal, possibly or None.

    Raises:
        ConfigError: a field has a value of another type.
    """
    hints = get_type_hints(type(config))
    for field in fields(config):
        _validate_type(field.name, getattr(config, field.name), hints[field.name])


def require_field(config: Any, name: str, condition: bool, rule: str) -> None:
    """Raise ConfigError for the field `name` of `config` unless `condition` holds."""
    require(name, getattr(config, name), condition, rule)


def require(name: str, value: object, condition: bool, rule: str) -> None:
    """Raise ConfigError unless `condition` holds.

    Args:
        name: field or argument.
        value: its value, quoted in the message.
        condition: whether the value is valid.
        rule: what a valid value fulfils, as in "must be at least 1".
    """
    if not condition:
        raise ConfigError(f"{name}={value!r}: {rule}")


def require_seed(seed: int) -> None:
    """Raise ConfigError unless `seed` is between 0 and 2^31 - 1."""
    require("seed", seed, 0 <= seed <= MAX_SEED, f"must be between 0 and {MAX_SEED}")


def unknown_choice(value: object, choices: Iterable[object]) -> str:
    """Message for a name that is not among `choices`, with the closest one."""
    names = [str(name) for name in choices]
    closest = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
    hint = f"; did you mean {closest[0]!r}?" if closest else ""
    return f"unknown {value!r}{hint} (choose from {', '.join(names)})"


def _validate_type(name: str, value: object, hint: Any) -> None:
    if get_origin(hint) in (Union, UnionType):  # Literal[...] | None makes the one, float | None the other
        if value is None:
            return
        (hint,) = (option for option in get_args(hint) if option is not NoneType)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ConfigError(f"{name}: {unknown_choice(value, get_args(hint))}")
    elif hint is float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        require(name, value, is_number and math.isfinite(value), "must be a finite number")  # type: ignore[arg-type]
    else:
        has_type = isinstance(value, hint) and isinstance(value, bool) is (hint is bool)
        require(name, value, has_type, f"must be of type {hint.__name__}")
