"""The kept records to the report's pictures and its table of results.

report/runs/palindromes/*   runs of `palingen palindrome train`, the course's settings
report/runs/memory          study.json of `palingen palindrome study`
report/runs/options/*       the same with one setting changed
report/runs/inside          inside.json of `palingen palindrome inside`
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

SOLVED = 0.99
"""Share of unseen palindromes that must be right for a seed to count as having learnt them."""

BEGIN, END = "<!-- results: written by `palingen report` -->", "<!-- end of results -->"


def write(report: Path) -> list[Path]:
    """Draw every picture of `report` again from its records, and its results as a Markdown table; the files.

    Raises:
        DataError: a record is missing or damaged.
    """
    palindromes = sorted((report / "runs" / "palindromes").glob("*"))
    try:
        results = [_result(folder) for folder in palindromes]
        memory = _study(report / "runs" / "memory")
        options = {path.name: _study(path) for path in sorted((report / "runs" / "options").iterdir())}
        looks = json.loads((report / "runs" / "inside" / "inside.json").read_text())
        game = _records(report / "runs" / "gan-course")
        moments = {name: np.load(report / "runs" / "gan-course" / f"{name}.npy") for name in ("start", "middle", "end")}
        walks = _walks(report / "runs" / "between")
    except (OSError, ValueError, KeyError, StopIteration) as error:
        raise DataError(f"{report}: a record of the report is missing or damaged ({error})") from error
    studies = {"The course's settings": results, "Recipe memory": memory["runs"]}
    drawn = {
        "overview": figures.overview(studies, moments, walks),
        "memory": figures.memory(studies),
        "inside": figures.inside(looks),
        "digits": figures.moments(moments),
        "game": figures.game_curves(game),
        "between": figures.walks(walks),
    }
    files = [report / "figures" / f"{name}.png" for name in drawn]
    for path, figure in zip(files, drawn.values(), strict=True):
        figures.save(path, figure)
    tables = {
        "results": memory_table(memory["runs"]) + "\n" + results_table(results, game[-1]),
        "options": options_table(options),
    }
    for name, table in tables.items():
        write_atomically(report / f"{name}.md", table.encode())
    return [*files, *(report / f"{name}.md" for name in tables)]


def memory_table(runs: Sequence[Mapping[str, Any]]) -> str:
    """What one recipe reaches at every length, as Markdown."""
    cells = list(dict.fromkeys(run["cell"] for run in runs))
    lines = [
        "One recipe for every length (`memory`): seeds with at least 99 % right on unseen palindromes; the lowest of "
        "them all; the median run on one core.",
        "",
        f"| T | {' | '.join(f'`{cell}`' for cell in cells)} |",
        f"| --- |{' --- |' * len(cells)}",
    ]
    for length in sorted({run["length"] for run in runs}):
        row = [[run for run in runs if (run["cell"], run["length"]) == (cell, length)] for cell in cells]
        lines.append(f"| {length:,} | {' | '.join(_reached(group) for group in row)} |")
    return "\n".join(lines) + "\n"


def _reached(runs: Sequence[Mapping[str, Any]]) -> str:
    if not runs:
        return ""
    shares = [run["accuracy"] for run in runs]
    solved = sum(share >= SOLVED for share in shares)
    return f"{solved} of {len(runs)}, {100 * min(shares):.1f} %, {median(run['seconds'] for run in runs):.0f} s"


def options_table(options: Mapping[str, Mapping[str, Any]]) -> str:
    """What each option of the recipe is worth, as Markdown: the same study with one thing changed."""
    lines = [
        "| recipe `memory` | T | seeds with 99 % right | lowest to highest | steps, median | seconds, median |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, study in options.items():
        runs = study["runs"]
        shares = [100 * run["accuracy"] for run in runs]
        lines.append(
            f"| {name.replace('-', ' ')} | {runs[0]['length']} | {sum(share >= 100 * SOLVED for share in shares)} of "
            f"{len(runs)} | {min(shares):.1f} to {max(shares):.1f} % | {median(run['steps'] for run in runs):.0f} | "
            f"{median(run['seconds'] for run in runs):.0f} |"
        )
    return "\n".join(lines) + "\n"


def results_table(palindromes: Sequence[Mapping[str, Any]], game: Mapping[str, Any]) -> str:
    """What the kept runs reached, as Markdown; every number is a record's."""
    lines = [
        "The course's settings, 100 epochs:",
        "",
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


def _study(folder: Path) -> dict[str, Any]:
    study: dict[str, Any] = json.loads((folder / "study.json").read_text())
    return study


def _walks(folder: Path) -> dict[str, figures.Strip]:
    verdicts = json.loads((folder / "verdicts.json").read_text())
    return {name: (np.load(folder / f"{name}.npy"), said["classes"], said["confidences"])
            for name, said in verdicts.items()}  # fmt: skip
