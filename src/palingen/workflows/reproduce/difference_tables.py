"""Tables of a comparison: Markdown for the documentation, and JSON."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from palingen.report.tables import Table
from palingen.runtime.atomic_io import write_atomically, write_json
from palingen.runtime.durations import duration_text
from palingen.workflows.reproduce.comparison import STANDARD_ERRORS, Difference
from palingen.workflows.reproduce.differences import VERDICTS, Comparison, PartSummary

LEGEND = f"""\
- **equal**: every digit of the record, in every run.
- **within**: the difference is at most the allowed one. With a spread (±: standard deviation over seeds, or over sets
  of images), that is {STANDARD_ERRORS:.0f} standard errors of a difference of two means: about one in twenty equal
  numbers falls outside by chance. Without one, it is half of the last digit that the report prints, and half a percent
  of an accuracy.
- **outside**: the difference is larger. With another processor, number of threads or version (column environment)
  that is to be expected of a single training, which amplifies the last digit of a sum.
- **timing**: depends on the machine and on what else ran on it; not judged.
- **not run yet**: no reproduced run.
"""


def write_tables(folder: Path, comparison: Comparison) -> list[Path]:
    """Write `differences.md` and `differences.json`; return their paths."""
    paths = [folder / "differences.md", folder / "differences.json"]
    write_atomically(paths[0], "\n".join(_sections(comparison)).encode())
    write_json(paths[1], comparison.as_record())
    return paths


def format_number(number: float | None) -> str:
    """Number with four digits; empty if there is none."""
    return "" if number is None else f"{number:.4g}".replace("-", "\N{MINUS SIGN}")


def summary_table(parts: Sequence[PartSummary]) -> Table:
    """Count of each verdict by part, when it was computed, and in which environment."""
    rows = [
        [
            part.part,
            *(str(part.verdicts[verdict]) for verdict in VERDICTS),
            ", ".join(sorted({entry["finished"] for entry in part.log.values()})),
            part.environment,
        ]
        for part in parts
    ]
    return Table(["part", *VERDICTS, "finished", "environment"], rows, "")


def numbers_table(numbers: Sequence[Difference]) -> Table:
    """Recorded and reproduced number, difference, and verdict."""
    head = ["of", "number", "runs", "recorded", "reproduced", "difference", "allowed", "verdict"]
    return Table(head, [_row(number) for number in numbers], "")


def _row(number: Difference) -> list[str]:
    spread = f" ± {format_number(number.spread)}" if number.spread else ""
    runs = str(number.runs) if number.reproduced is None else f"{number.reproduced_runs} of {number.runs}"
    return [
        number.group,
        number.metric,
        runs,
        format_number(number.recorded) + spread,
        format_number(number.reproduced),
        format_number(number.difference),
        "" if number.verdict in ("timing", "not run yet") else format_number(number.allowed),
        number.verdict,
    ]


def _sections(comparison: Comparison) -> Iterator[str]:
    yield summary_table(comparison.parts).as_markdown()
    yield LEGEND
    if hardware := _hardware(comparison.parts):
        yield f"Computed with {'; '.join(hardware)}.\n"
    if outside := comparison.outside():
        yield "### Numbers outside\n"
        yield _outside_table(outside, comparison.parts).as_markdown()
    for part in comparison.parts:
        numbers = [number for number in comparison.numbers if number.part == part.part]
        if all(number.reproduced is None for number in numbers):
            continue
        yield f"### {part.part}\n"
        if part.log:
            times = (f"{name} {duration_text(entry['seconds'])}" for name, entry in part.log.items())
            yield f"Finished in: {', '.join(times)}.\n"
        yield numbers_table(numbers).as_markdown()


def _outside_table(outside: Sequence[Difference], parts: Sequence[PartSummary]) -> Table:
    """Numbers that do not agree, with the reason where the environment is another one."""
    changes = {part.part: part.environment for part in parts}
    rows = [[number.part, *_row(number)[:-1], changes[number.part]] for number in outside]
    head = ["part", "of", "number", "runs", "recorded", "reproduced", "difference", "allowed", "environment"]
    return Table(head, rows, "")


def _hardware(parts: Sequence[PartSummary]) -> list[str]:
    """Processors and versions on which the parts were computed."""
    entries = [entry for part in parts for entry in part.log.values()]
    return list(
        dict.fromkeys(
            f"{entry['model']} ({entry['processor']}), Python {entry['python']}, torch {entry['torch']}"
            for entry in entries
        )
    )
