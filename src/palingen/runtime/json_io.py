"""JSON files that are read again: every damage ends in one line that names the file and what to do.

Reads without torch.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from palingen.runtime.errors import DataError

MAX_BYTES = 256 * 2**20
"""Largest file that is read; the records of the longest training have a hundredth of it."""

MAX_NUMBER = 1e30
"""Largest number that a figure can draw: the square of a larger one is beyond float64."""

Shape = Any
"""Pattern of a JSON value: a type (`float` also accepts integers), a range of integers, a list with the shape of all
items (and `...`, if there must be one), a dictionary with the shape of each key that is needed, or of all (`...`), or a
tuple of alternatives, of which None may be one."""


def read_json(path: Path, shape: Shape = object, *, advice: str = "make it again") -> Any:
    """Content of a JSON file.

    Args:
        path: the file.
        shape: shape that the content must have.
        advice: what to do about a damaged file, for the message.

    Raises:
        DataError: the file is missing or damaged, or its content has another shape.
    """
    return parse_json(_read_text(path, advice), path, shape, advice=advice)


def read_json_lines(
    path: Path, shape: Shape = object, *, advice: str = "make it again", growing: bool = False
) -> list[Any]:
    """Values of a file with one JSON value a line, each of the given shape.

    Args:
        path: the file.
        shape: shape that each value must have.
        advice: what to do about a damaged file, for the message.
        growing: whether another process may be writing the last line; it is left out if it has no end.

    Raises:
        DataError: the file is missing or damaged, or a value has another shape.
    """
    text = _read_text(path, advice)
    lines = text[: text.rfind("\n") + 1 if growing else None].splitlines()
    return [parse_json(line, path, shape, line=number, advice=advice) for number, line in enumerate(lines, 1)]


def parse_json(text: str, source: Path, shape: Shape = object, *, line: int | None = None, advice: str = "") -> Any:
    """Value of JSON text.

    Args:
        text: JSON without NaN and infinity.
        source: file that the text is from, for the message.
        shape: shape that the value must have.
        line: line of the file, for the message.
        advice: what to do about damage, for the message.

    Raises:
        DataError: the text is not JSON, or the value has another shape.
    """
    try:
        value = json.loads(text, parse_constant=_parse_number, parse_float=_parse_number)
        require_shape(value, shape)
    except RecursionError as error:
        raise damaged(source, "nested too deeply", advice) from error
    except ValueError as error:
        raise damaged(source, f"line {line}: {error}" if line else str(error), advice) from error
    return value


def require_shape(value: Any, shape: Shape, name: str = "") -> None:
    """Check that a JSON value has a shape.

    Raises:
        ValueError: it has another one; the message names the part that differs.
    """
    problem = None
    for option in shape if isinstance(shape, tuple) else (shape,):
        if not _is_kind(value, option):
            continue
        try:
            for part, expected, part_name in _parts(value, option, name):
                require_shape(part, expected, part_name)
        except ValueError as error:
            problem = str(error)
        else:
            return
    raise ValueError(problem or f"{name or 'the content'} is {_describe(value)}")


def damaged(path: Path, reason: str, advice: str) -> DataError:
    """Error for a damaged file."""
    return DataError(f"{path}: damaged ({reason})" + (f"; {advice}" if advice else ""))


def _read_text(path: Path, advice: str) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise damaged(path, f"larger than {MAX_BYTES // 2**20} MB", advice)
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DataError(f"{path}: missing; {advice}") from None
    except UnicodeDecodeError as error:
        raise damaged(path, str(error), advice) from error


def _parse_number(text: str) -> float:
    """A finite number: NaN and infinity are no JSON, and nothing of ours writes them."""
    if math.isfinite(number := float(text)):
        return number
    raise ValueError(f"{text[:20]} is not a finite number")


def _is_kind(value: Any, shape: Shape) -> bool:
    """Whether a value is of the outermost kind of a shape."""
    if shape is None:
        return value is None
    if isinstance(shape, range):
        return isinstance(value, int) and not isinstance(value, bool) and value in shape
    if isinstance(shape, list) and not value and len(shape) > 1:
        return False
    kind = shape if isinstance(shape, type) else type(shape)
    if kind in (int, float):
        return isinstance(value, (int, kind)) and not isinstance(value, bool) and abs(value) <= MAX_NUMBER
    return isinstance(value, kind)


def _parts(value: Any, shape: Shape, name: str) -> Iterator[tuple[Any, Shape, str]]:
    """Parts of a value whose outermost kind fits, each with the shape that it must have, and its name."""
    if isinstance(shape, list):
        yield from ((item, shape[0], f"{name}[{index}]") for index, item in enumerate(value))
    elif isinstance(shape, dict):
        for key, expected in shape.items():
            keys = value if key is ... else (key,)
            for present in keys:
                part_name = f"{name}.{present}".lstrip(".")
                if present not in value:
                    raise ValueError(f"{part_name} is missing")
                yield value[present], expected, part_name


def _describe(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 40 else f"{text[:37]}..."
