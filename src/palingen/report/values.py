"""Values: the numbers of the report as text, each with the record it comes from.

Prose reaches the report from its template; numbers reach it only as a `Value`, by key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from palingen.runtime.errors import DataError

ARITHMETIC = "arithmetic"
"""Source of a number that follows from an equation alone."""

LITERATURE = "literature"
"""Source of a number that others published; the text cites them."""

SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")

SMALL = 1e-4
"""Settings below it are written in scientific notation."""


@dataclass(frozen=True)
class Value:
    """Text of a number, and the file under report/ (or a pattern of files) that it comes from."""

    text: str
    source: str


class Values(dict[str, Value]):
    """Values by key, `topic.thing.quantity`."""

    def add_value(self, key: str, text: str, source: str) -> None:
        """Add a value.

        Raises:
            DataError: there is a value of this key.
        """
        if key in self:
            raise DataError(f"key={key!r}: two values of the report have this key. Rename one.")
        self[key] = Value(text, source)


def check_claim(holds: bool, claim: str) -> None:
    """Check a statement of the template against the records.

    Args:
        holds: whether the records confirm it.
        claim: the statement, as in "the LSTM is perfect at every length".

    Raises:
        DataError: the records contradict it.
    """
    if not holds:
        raise DataError(f"the report says that {claim}, but its records do not. Change the sentence in its template.")


def percent(fraction: float, digits: int = 0) -> str:
    """Fraction of one as a percentage."""
    return f"{100 * fraction:.{digits}f}\N{NO-BREAK SPACE}%"


def number(value: float, digits: int = 0) -> str:
    """Number with a fixed count of decimals and thousands separators."""
    return f"{value:,.{digits}f}".replace("-", "\N{MINUS SIGN}")


def format_setting(value: float) -> str:
    """Value of a config field, as in 0.001, 10, 10,000, 1 × 10⁻⁵."""
    if isinstance(value, int):
        return f"{value:,}"
    return scientific(value, 0) if 0 < abs(value) < SMALL else f"{value:,.10g}".replace("-", "\N{MINUS SIGN}")


def scientific(value: float, digits: int = 1) -> str:
    """Number in scientific notation."""
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    times = "\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}"
    return f"{mantissa}{times}10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def mean_and_range(values: Sequence[float], digits: int = 0) -> str:
    """Mean, minimum and maximum, as in 81.2 (43.6 to 100.0)."""
    return f"{number(mean(values), digits)} ({number(min(values), digits)} to {number(max(values), digits)})"


def mean_and_std(values: Sequence[float], digits: int = 0) -> str:
    """Mean and standard deviation, as in 48.1 ± 3.5; the value alone if there is only one."""
    average = number(mean(values), digits)
    return f"{average} ± {number(stdev(values), digits)}" if len(values) > 1 else average


def count_of(successes: int, total: int) -> str:
    """Successes out of a total, as in 7 of 10."""
    return f"{successes} of {total}"


def join_list(items: Sequence[str], conjunction: str = "and") -> str:
    """Items as an enumeration in a sentence."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {conjunction} {items[-1]}"
