"""The kept records to the report: pictures, tables, and the paper itself."""

from collections.abc import Mapping
from pathlib import Path

from palingen.errors import DataError
from palingen.files import write_atomically
from palingen.report import figures, paper, stacked, tables
from palingen.report.records import Game, Records, read

__all__ = ["BEGIN", "END", "DataError", "write", "write_pictures", "write_tables"]

BEGIN, END = "<!-- results: written by `palingen report` -->", "<!-- end of results -->"


def write(report: Path) -> list[Path]:
    """Make every picture, table and page of `report` again from its records; the files.

    Raises:
        DataError: a record is missing or damaged, or says something else than the paper's words.
    """
    records = read(report)
    return [*write_pictures(report, records), *write_tables(report, records), *paper.write(report, records)]


def write_pictures(report: Path, records: Records) -> list[Path]:
    """Draw the pictures that the README shows; the files."""
    course = records.games["course"]
    studies = {
        "The course's settings": [run.result for run in records.palindromes],
        "Recipe memory": records.memory["runs"],
    }
    drawn = {
        "overview": figures.overview(studies, *_both(records.games)),
        "memory": figures.memory(studies),
        "inside": figures.inside(records.inside),
        "digits": figures.moments(course.moments),
        "game": figures.game_curves(course.run.records),
        "between": figures.walks(course.walks),
    }
    files = [report / "figures" / f"{name}.png" for name in drawn]
    for path, figure in zip(files, drawn.values(), strict=True):
        figures.save(path, figure)
    return files


def _both(games: Mapping[str, Game]) -> tuple[dict[str, figures.Digits], dict[str, figures.Strip]]:
    """The course's images and walks, and the quality recipe's beside them once there are some."""
    images, strips = dict(games["course"].moments), dict(games["course"].walks)
    if quality := games.get("residual"):
        images["recipe residual, end"] = quality.moments["end"]
        strips |= {f"residual, {way}": strip for way, strip in quality.walks.items() if way == "linear"}
    return images, strips


def write_tables(report: Path, records: Records) -> list[Path]:
    """Write the results and the worth of each option as Markdown; the files."""
    results = [
        tables.memory_table(records.memory["runs"]),
        tables.results_table(records.palindromes, records.games),
        tables.scores_table(records.games),
        stacked.words(records.stacked),
    ]
    written = {"results": "\n".join(part for part in results if part), "options": tables.options_table(records.options)}
    for name, table in written.items():
        write_atomically(report / f"{name}.md", table.encode())
    return [report / f"{name}.md" for name in written]
