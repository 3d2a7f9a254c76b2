"""Tables of a comparison: Markdown for the documentation, and JSON."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from palingen.report.build import section_markdown
from palingen.report.tables import Table
from palingen.runtime.atomic_io import write_atomically, write_json
from palingen.runtime.durations import duration_text
from palingen.workflows.reproduce.comparison import Difference, Verdict
from palingen.workflows.reproduce.differences import VERDICTS, Comparison, PartSummary

LEGEND = """\
- **equal**: every digit of the record, in every run.
- **within**: the difference is at most the allowed one. With a spread (±: standard deviation over seeds, or over sets
  of images), that is the 95 % range of a difference of two means (Student's t, by the number of recorded runs or sets;
  wide for two): one in twenty equal numbers falls outside by chance. Without one, it is half of the last digit that the
  report prints, and half a percent of an accuracy.
- **outside**: the difference is larger. With another processor, number of threads or version (column environment)
  that is to be expected of a single training, which amplifies the last digit of a sum.
- **timing**: depends on the machine and on what else ran on it; not judged.
- **not run yet**: no reproduced run.
"""


def write_tables(
    folder: Path, comparison: Comparison, durations: Mapping[str, float], *, quick: bool = False
) -> list[Path]:
    """Write `differences.md` and `differences.json`.

    Args:
        folder: where to write.
        comparison: the numbers.
        durations: seconds that each part takes on two cores, for the reader.
        quick: whether the runs were shortened, so that the table says nothing about the report; both files say so.

    Returns:
        Both paths.
    """
    paths = [folder / "differences.md", folder / "differences.json"]
    notice = ["**Of shortened runs**: these verdicts say nothing about the report.", ""] if quick else []
    sections = {"summary": [*notice, *_summary(comparison, durations)], "numbers": _details(comparison)}
    markdown = "\n".join(section_markdown(name, "\n".join(text)) for name, text in sections.items())
    write_atomically(paths[0], markdown.encode())
    write_json(paths[1], {"quick": quick, **comparison.as_record()})
    return paths


def format_number(number: float | None) -> str:
    """Number with four digits, and all those before the point; empty if there is none."""
    return "" if number is None else _rounded(number, 4)


def _rounded(number: float, digits: int) -> str:
    text = f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.{digits}g}"
    return text.replace("-", "\N{MINUS SIGN}")


def summary_table(comparison: Comparison, durations: Mapping[str, float]) -> Table:
    """Duration and count of each verdict by part and in all, when a part was computed, and in which environment."""
    rows = [
        [
            part.part,
            duration_text(durations[part.part]) if part.part in durations else "",
            *verdict_cells(part.verdicts),
            _computed(part),
            part.environment,
        ]
        for part in comparison.parts
    ]
    total = ["all", duration_text(sum(durations.values())), *verdict_cells(comparison.count_verdicts()), "", ""]
    return Table(["part", "takes", *VERDICTS, "computed", "environment"], [*rows, total], "")


def verdict_cells(counts: Mapping[Verdict, int]) -> list[str]:
    """Counts of the verdicts as they stand in a row of a table; empty for none."""
    return [str(counts[verdict] or "") for verdict in VERDICTS]


def _computed(part: PartSummary) -> str:
    """Days on which a part was computed, or that it was not."""
    if part.verdicts["not run yet"] == part.numbers:
        return "not run yet"
    days = ", ".join(sorted({entry["finished"] for entry in part.log.values()}))
    return f"in part, {days}".removesuffix(", ") if part.verdicts["not run yet"] else days


def numbers_table(numbers: Sequence[Difference]) -> Table:
    """Recorded and reproduced number, difference, and verdict."""
    head = ["of", "number", "runs", "recorded", "reproduced", "difference", "allowed", "verdict"]
    return Table(head, [_row(number) for number in numbers], "")


def _row(number: Difference) -> list[str]:
    spread = f" ± {_rounded(number.spread, 2)}" if number.spread else ""
    return [
        number.group,
        number.metric,
        f"{number.reproduced_runs} of {number.runs}",
        format_number(number.recorded) + spread,
        format_number(number.reproduced),
        format_number(number.difference),
        "" if number.verdict == "timing" else format_number(number.allowed),
        number.verdict,
    ]


def _summary(comparison: Comparison, durations: Mapping[str, float]) -> Iterator[str]:
    """Paragraphs on the parts, and on the numbers that do not agree."""
    yield summary_table(comparison, durations).as_markdown()
    yield LEGEND
    if hardware := _hardware(comparison.parts):
        yield f"Computed with {'; '.join(hardware)}.\n"
    if outside := comparison.outside():
        yield "### Numbers outside\n"
        yield _outside_table(outside, comparison.parts).as_markdown()
    elif any(part.log for part in comparison.parts):
        yield "No number is outside so far.\n"


def _details(comparison: Comparison) -> Iterator[str]:
    """Paragraphs on every number of the parts that have been started."""
    for part in comparison.parts:
        numbers = [number for number in comparison.numbers if number.part == part.part]
        reproduced = [number for number in numbers if number.reproduced is not None]
        if not reproduced:
            continue
        yield f"### {part.part}\n"
        if part.log:
            times = (f"{name} {duration_text(entry['seconds'])}" for name, entry in part.log.items())
            yield f"Finished in: {', '.join(times)}.\n"
        yield numbers_table(reproduced).as_markdown()
        if missing := dict.fromkeys(number.group for number in numbers if number.reproduced is None):
            yield f"Not run yet: {'; '.join(missing)}.\n"


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
