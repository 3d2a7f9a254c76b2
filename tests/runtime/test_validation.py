import math
from dataclasses import dataclass
from typing import Literal

import pytest

from palingen.runtime.config_io import config_hash
from palingen.runtime.errors import ConfigError
from palingen.runtime.validation import (
    Interval,
    quote,
    require,
    require_field,
    require_seed,
    unknown_choice,
    validate_types,
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    name: str = "a"
    count: int = 1
    rate: float = 0.5
    on: bool = False
    choice: Literal["left", "right"] = "left"
    limit: float | None = None
    mode: Literal["fast", "slow"] | None = None

    def __post_init__(self) -> None:
        validate_types(self)
        require_field(self, "count", self.count >= 1, "must be at least 1")


@pytest.mark.parametrize(
    "values",
    [{}, {"rate": 1}, {"limit": None}, {"limit": 2}, {"mode": "slow"}, {"choice": "right", "on": True}],
)
def test_values_of_the_annotated_type_are_accepted(values):
    settings = Settings(**values)
    assert all(getattr(settings, name) == value for name, value in values.items())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 1),
        ("count", 1.0),
        ("count", True),
        ("count", 0),
        ("count", None),
        ("rate", "fast"),
        ("rate", math.nan),
        ("rate", math.inf),
        ("rate", -math.inf),
        ("rate", False),
        ("on", 1),
        ("limit", "none"),
        ("limit", math.nan),
    ],
)
def test_an_invalid_value_is_refused_in_one_line_with_field_value_and_rule(field, value):
    with pytest.raises(ConfigError, match=f"^{field}=") as refusal:
        Settings(**{field: value})
    message = str(refusal.value)
    assert f"{field}={value!r}: must be " in message
    assert "\n" not in message


def test_an_integer_in_a_field_of_floats_becomes_a_float_so_that_equal_configs_have_one_hash():
    given, meant = Settings(rate=1, limit=2, count=3), Settings(rate=1.0, limit=2.0, count=3)
    assert (given, config_hash(given)) == (meant, config_hash(meant))
    assert [type(value) for value in (given.rate, given.limit, given.count)] == [float, float, int]
    with pytest.raises(ConfigError, match="rate=an integer of thousands of digits: must be a finite number"):
        Settings(rate=10**5000)


@pytest.mark.parametrize(("field", "value"), [("choice", "lef"), ("mode", "slov")])
def test_an_unknown_choice_is_refused_with_the_closest_one(field, value):
    with pytest.raises(ConfigError, match=f"{field}: unknown '{value}'; did you mean"):
        Settings(**{field: value})


def test_a_name_like_no_other_gets_the_choices_without_a_guess():
    message = unknown_choice("xyz", ["course", "demo"])
    assert "did you mean" not in message
    assert "choose from course, demo" in message


def test_a_condition_that_holds_raises_nothing():
    require("count", 3, True, "must be at least 1")
    with pytest.raises(ConfigError, match=r"^count=0: must be at least 1$"):
        require("count", 0, False, "must be at least 1")


def test_seeds_are_integers_of_31_bits():
    require_seed(0)
    require_seed(2**31 - 1)
    for seed, rule in ((-1, "at least 0"), (2**31, "at most 2147483647"), (2**64, "at most"), (1.0, "of type int")):
        with pytest.raises(ConfigError, match=f"seed={seed}: must be {rule}"):
            require_seed(seed)


@pytest.mark.parametrize(
    ("interval", "value", "rule"),
    [
        (Interval(minimum=1), 0, "must be at least 1"),
        (Interval(above=0), 0.0, "must be above 0"),
        (Interval(maximum=1e6), 1e308, "must be at most 1000000"),
        (Interval(below=1, too_large="a fraction"), 1, "must be below 1 (a fraction)"),
        (Interval(minimum=0.5, too_small="half"), -(10**400), "must be at least 0.5 (half)"),
        (Interval(maximum=5), math.nan, "must be at least"),
    ],
)
def test_an_interval_names_the_bound_that_is_broken_and_its_reason(interval, value, rule):
    assert interval.broken_rule(value).startswith(rule)


def test_an_interval_holds_its_closed_ends_and_not_its_open_ones():
    interval = Interval(minimum=0, maximum=1)
    assert [interval.broken_rule(value) for value in (0, 0.5, 1)] == [None] * 3
    interval = Interval(above=0, below=1)
    assert [bool(interval.broken_rule(value)) for value in (0, 0.5, 1)] == [True, False, True]


def test_a_long_value_is_quoted_in_part():
    assert quote("a" * 81) == f"'{'a' * 79}... (83 characters)"
    assert quote(10**5000) == "an integer of thousands of digits"
    assert len(unknown_choice("x" * 100_000, ["course"])) < 200
