"""Validation of config fields and arguments, with one-line errors: `field=value: rule`."""

import difflib
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from palingen.runtime.errors import ConfigError
from palingen.runtime.user_code import CodeReference

MAX_SEED = 2**31 - 1

MAX_COUNT = 10**9
"""Largest count that is accepted anywhere; what memory allows is usually far less."""

MAX_QUOTE = 80
"""Characters of a value in a message."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Valid values of a number."""

    minimum: float = -math.inf
    above: float = -math.inf
    maximum: float = math.inf
    below: float = math.inf
    too_small: str = ""
    """Why smaller values are refused, for the message."""

    too_large: str = ""
    """Why larger values are refused, for the message."""

    def broken_rule(self, value: float) -> str | None:
        """Rule that `value` breaks, as in "must be at least 1"; None if it is valid."""
        rules = (
            (value >= self.minimum, "at least", self.minimum, self.too_small),
            (value > self.above, "above", self.above, self.too_small),
            (value <= self.maximum, "at most", self.maximum, self.too_large),
            (value < self.below, "below", self.below, self.too_large),
        )
        for is_valid, name, bound, reason in rules:
            if not is_valid:
                return f"must be {name} {_number(bound)}" + (f" ({reason})" if reason else "")
        return None


COUNT = Interval(minimum=1, maximum=MAX_COUNT)

SEEDS = Interval(minimum=1, maximum=1000)
"""Number of seeds of a study."""

SEED = Interval(minimum=0, maximum=MAX_SEED)


def validate_types(config: Any) -> None:
    """Check every field of a dataclass against its annotation: bool, int, float, str or Literal, possibly or None.

    A field annotated with a Literal or `str` holds one of the choices or a reference to a user's code. An integer in a
    field of floats becomes a float, so that equal configs have one JSON and one hash.

    Raises:
        ConfigError: a field has a value of another type.
    """
    hints = get_type_hints(type(config))
    for field in fields(config):
        value, hint = getattr(config, field.name), hints[field.name]
        _validate_type(field.name, value, hint)
        if isinstance(value, int) and not isinstance(value, bool) and float in (hint, *get_args(hint)):
            object.__setattr__(config, field.name, float(value))


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
        raise ConfigError(f"{name}={quote(value)}: {rule}")


def require_ranges(config: Any, ranges: Mapping[str, Interval]) -> None:
    """Raise ConfigError for the first field of `config` that is outside of its interval; None is never outside."""
    for name, interval in ranges.items():
        if (value := getattr(config, name)) is not None and (rule := interval.broken_rule(value)):
            require_field(config, name, False, rule)


def require_integer(name: str, value: object, interval: Interval = COUNT) -> None:
    """Raise ConfigError unless an argument is an integer of the interval."""
    require(name, value, isinstance(value, int) and not isinstance(value, bool), "must be of type int")
    if rule := interval.broken_rule(value):  # type: ignore[arg-type]  # it is an integer
        require(name, value, False, rule)


def require_seed(seed: int) -> None:
    """Raise ConfigError unless `seed` is an integer between 0 and 2^31 - 1."""
    require_integer("seed", seed, SEED)


def quote(value: object) -> str:
    """Representation of a value in one line, shortened if it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        return "an integer of thousands of digits"
    return text if len(text) <= MAX_QUOTE else f"{text[:MAX_QUOTE]}... ({len(text):,} characters)"


def unknown_choice(value: object, choices: Iterable[object]) -> str:
    """Message for a name that is not among `choices`, with the closest one."""
    names = [str(name) for name in choices]
    text = value[:MAX_QUOTE] if isinstance(value, str) else quote(value)
    closest = difflib.get_close_matches(text, names, n=1, cutoff=0.5)
    hint = f"; did you mean {closest[0]!r}?" if closest else ""
    return f"unknown {quote(value)}{hint} (choose from {', '.join(names)})"


def _validate_type(name: str, value: object, hint: Any) -> None:
    further: tuple[str, ...] = ()
    if get_origin(hint) in (Union, UnionType):  # Literal[...] | None makes the one, float | None the other
        if value is None and NoneType in get_args(hint):
            return
        hint, *others = (option for option in get_args(hint) if option is not NoneType)
        if others and isinstance(value, CodeReference):
            return
        further = ("FILE.py:NAME",) if others else ()
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ConfigError(f"{name}: {unknown_choice(value, (*get_args(hint), *further))}")
    elif hint is float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        is_finite = is_number and abs(value) <= sys.float_info.max  # type: ignore[arg-type]
        require(name, value, is_finite, "must be a finite number")
    else:
        has_type = isinstance(value, hint) and isinstance(value, bool) is (hint is bool)
        require(name, value, has_type, f"must be of type {hint.__name__}")


def _number(bound: float) -> str:
    """Bound as a user types it: 1000000, 0.5, 1e-05."""
    return str(int(bound)) if float(bound).is_integer() else str(bound)
