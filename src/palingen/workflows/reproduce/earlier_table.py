"""Numbers of an earlier table of differences: a reproduction over several machines, or whose runs are gone."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from palingen.runtime.errors import DataError
from palingen.runtime.json_io import Shape, damaged, read_json
from palingen.workflows.reproduce.comparison import Difference
from palingen.workflows.reproduce.differences import VERDICTS, Comparison, PartSummary, count_verdicts
from palingen.workflows.reproduce.step_log import ENTRY

NUMBER: dict[str, Shape] = {
    "part": str, "group": str, "metric": str, "recorded": float, "spread": (float, None), "runs": int,
    "reproduced_runs": int, "reproduced": (float, None), "difference": (float, None), "allowed": float, "verdict": str,
}  # fmt: skip

PART: dict[str, Shape] = {
    "part": str, "numbers": int, "verdicts": {...: int}, "environment": str, "log": {...: ENTRY},
}  # fmt: skip

ADVICE = "name the differences.json of a reproduction"


def read_comparison(path: Path) -> Comparison:
    """Table of differences that a reproduction has written as `differences.json`.

    Raises:
        DataError: the file is missing or damaged, is of shortened runs, or holds something else.
    """
    record = read_json(path, {"parts": [PART], "numbers": [NUMBER]}, advice=ADVICE)
    if record.get("quick"):
        raise DataError(f"{path}: is of shortened runs, whose numbers mean nothing")
    if unknown := {row["verdict"] for row in record["numbers"]}.difference(VERDICTS):
        raise damaged(path, f"unknown verdict {min(unknown)!r}", ADVICE)
    numbers = [Difference(**{name: row[name] for name in NUMBER}) for row in record["numbers"]]
    return Comparison(numbers, [PartSummary(**{name: row[name] for name in PART}) for row in record["parts"]])


def fill_in(comparison: Comparison, earlier: Comparison) -> Comparison:
    """Take the numbers that have not been computed from an earlier table, as far as their records are the same."""
    known = {_identity(number): number for number in earlier.numbers if number.reproduced is not None}
    numbers = [
        known.get(_identity(number), number) if number.reproduced is None else number for number in comparison.numbers
    ]
    before = {part.part: part for part in earlier.parts}
    return Comparison(numbers, [_join(part, before.get(part.part), numbers) for part in comparison.parts])


def _identity(number: Difference) -> tuple[Any, ...]:
    """Number and its record, without the mean of several runs, which depends on how many of them are reproduced."""
    recorded = number.recorded if number.runs == 1 else None
    return number.part, number.group, number.metric, number.runs, number.spread, recorded


def _join(part: PartSummary, earlier: PartSummary | None, numbers: Sequence[Difference]) -> PartSummary:
    """Summary of a part with the numbers of both tables; without any of the earlier one it stays as it is."""
    verdicts = count_verdicts(numbers, part.part)
    if earlier is None or verdicts == part.verdicts:
        return part
    environments = dict.fromkeys(text for table in (earlier, part) for text in table.environment.split("; ") if text)
    return replace(part, verdicts=verdicts, environment="; ".join(environments), log={**earlier.log, **part.log})
