"""The kept records to the report's pictures and its table of results.

report/runs/palindromes/*   runs of `palingen palindrome train`
report/runs/gan-course      the course's GAN: records, images of three moments, weights
report/runs/between         `palingen gan interpolate report/runs/gan-course`
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np

from palingen.errors import DataError
from palingen.files import write_atomically
from palingen.report import figures

BEGIN, END = "<!-- results: written by `palingen report` -->", "<!-- end of results -->"


def write(report: Path) -> list[Path]:
    """Draw every picture of `report` again from its records, and its results as a Markdown table; the files.

    Raises:
        DataError: a record is missing or damaged.
    """
    palindromes = sorted((report / "runs" / "palindromes").glob("*"))
    try:
        results = [_result(folder) for folder in palindromes]
        game = _records(report / "runs" / "gan-course")
        moments = {name: np.load(report / "runs" / "gan-course" / f"{name}.npy") for name in ("start", "middle", "end")}
        walks = _walks(report / "runs" / "between")
    except (OSError, ValueError, KeyError, StopIteration) as error:
        raise DataError(f"{report}: a record of the report is missing or damaged ({error})") from error
    drawn = {
        "overview": figures.overview(results, moments, walks),
        "memory": figures.memory(results),
        "digits": figures.moments(moments),
        "game": figures.game_curves(game),
        "between": figures.walks(walks),
    }
    files = [report / "figures" / f"{name}.png" for name in drawn]
    for path, figure in zip(files, drawn.values(), strict=True):
        figures.save(path, figure)
    table = report / "results.md"
    write_atomically(table, results_table(results, game[-1]).encode())
    return [*files, table]


def results_table(palindromes: Sequence[Mapping[str, Any]], game: Mapping[str, Any]) -> str:
    """What the kept runs reached, as Markdown; every number is a record's."""
    lines = [
        "| cell | T | right on unseen palindromes, mean (lowest to highest) | perfect seeds | seconds a run |",
        "| --- | --- | --- | --- | --- |",
    ]
    groups = defaultdict(list)
    for run in palindromes:
        groups[run["length"], run["cell"]].append(run)
    for (length, cell), runs in sorted(groups.items()):
        shares = [100 * run["accuracy"] for run in runs]
        spread = f"{mean(shares):.1f} % ({min(shares):.1f} to {max(shares):.1f})"
        perfect = sum(share == 100 for share in shares)
        seconds = median(run["seconds"] for run in runs)
        lines.append(f"| `{cell}` | {length} | {spread} | {perfect} of {len(runs)} | {seconds:.0f} |")
    told = f"{100 * game['real_accuracy']:.0f} % of real and {100 * game['fake_accuracy']:.0f} % of generated images"
    return "\n".join(lines) + (
        f"\n\nAfter {game['epochs']} epochs of recipe `course` (one seed, {game['seconds'] / 60:.0f} minutes) the "
        f"discriminator still tells {told}.\n"
    )


def _records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]


def _result(folder: Path) -> dict[str, Any]:
    return next(record for record in reversed(_records(folder)) if record["kind"] == "result")


def _walks(folder: Path) -> dict[str, figures.Strip]:
    verdicts = json.loads((folder / "verdicts.json").read_text())
    return {name: (np.load(folder / f"{name}.npy"), said["classes"], said["confidences"])
            for name, said in verdicts.items()}  # fmt: skip
