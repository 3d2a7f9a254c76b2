"""The numbers a text may say: each formatted here, each with the run that it comes from.

Words reach the report from its template; numbers reach it only as a `Value`, by key.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from palingen.errors import DataError

ARITHMETIC = "arithmetic"
"""The source of a number that follows from an equation alone."""

LITERATURE = "literature"
"""The source of a number that others published; the words cite them."""

SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


@dataclass(frozen=True)
class Value:
    """What is printed, and the file under report/ (or a pattern of files) that it comes from."""

    text: str
    source: str


class Values(dict[str, Value]):
    """Values by key, `part.thing.quantity`."""

    def put(self, key: str, text: str, source: str) -> None:
        """Add one.

        Raises:
            DataError: the key is taken: two numbers would answer to one name.
        """
        if key in self:
            raise DataError(f"the report has two values called {key}")
        self[key] = Value(text, source)


@dataclass(frozen=True)
class Table:
    """Rows for the template to lay out; the first column is words, the others are numbers."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    source: str
    groups: Sequence[tuple[str, int]] = ()
    """Headings over several columns each."""


def claim(holds: bool, words: str) -> None:
    """Hold a sentence of the template to the records.

    Raises:
        DataError: the records no longer say so, and the template's words must be changed.
    """
    if not holds:
        raise DataError(f"the report says that {words}, and its records no longer do: change its words")


def percent(share: float, digits: int = 0) -> str:
    """A share of one, in percent."""
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def number(value: float, digits: int = 0) -> str:
    """A number with so many decimals, thousands set apart."""
    return f"{value:,.{digits}f}".replace("-", "\N{MINUS SIGN}")


def general(value: float) -> str:
    """A setting as people write it: 0.001, 10, 10,000."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"


def power(value: float, digits: int = 1) -> str:
    """A number far from one, as so many times a power of ten."""
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    times = "\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}"
    return f"{mantissa}{times}10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Mean, and lowest to highest."""
    middle = sum(values) / len(values)
    return f"{middle:,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
