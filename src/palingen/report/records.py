"""The kept records, read as plain JSON, each with the name of the run it comes from.

report/runs/palindromes/*   runs of `palingen palindrome train`, the course's settings
report/runs/memory          study.json of `palingen palindrome study`
report/runs/options/*       the same with one setting changed
report/runs/inside          inside.json of `palingen palindrome inside`
report/runs/networks.json   what the networks are made of, as built
report/runs/gan-NAME        a GAN: records, images of three moments; untruncated/score.json where latents are truncated
report/runs/between*        `palingen gan interpolate`
report/runs/comparison      study.json: recipes against each other, several seeds each
pretrained/NAME/score.json  `palingen gan score`, shipped with the package
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from palingen.errors import DataError
from palingen.report import figures

PRETRAINED = Path(str(files("palingen"))) / "pretrained"

GAMES = ("course", "public-script", "residual", "residual-unconditional")
"""Of single digits, in the order of the tables."""

SHIPPED = "src/palingen/pretrained"
"""What a reader of the report finds it under."""

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """One run's settings, surroundings and what it wrote on its way."""

    name: str
    config: Record
    environment: Record
    records: Sequence[Record]

    def of(self, kind: str) -> list[Record]:
        """Its records of one kind."""
        return [record for record in self.records if record["kind"] == kind]

    @property
    def result(self) -> Record:
        """What it ended with."""
        return self.of("result")[-1]


@dataclass(frozen=True)
class Game:
    """A GAN's run, with its 25 images at three moments, its score and its walks where they have been made."""

    run: Run
    moments: Mapping[str, figures.Digits]
    score: Record | None
    score_name: str
    untruncated: Record | None = None
    """Its score with all latents as they come, where its recipe truncates them."""

    walks: Mapping[str, figures.Strip] = field(default_factory=dict)
    walks_name: str = ""


@dataclass(frozen=True)
class Records:
    """All that the report is made of; `games` holds what there is of `GAMES`."""

    palindromes: Sequence[Run]
    memory: Record
    options: Mapping[str, Record]
    inside: Sequence[Record]
    networks: Record
    games: Mapping[str, Game]
    comparison: Sequence[Record]
    """Arms against each other; empty until they have been run."""

    stacked: Game | None = None
    """Three digits at once, if that has been run."""


def read(report: Path) -> Records:
    """Read what is kept under a report's folder.

    Raises:
        DataError: a record that every report needs is missing, or one is damaged.
    """
    runs = report / "runs"
    try:
        names = {name: runs / f"gan-{name}" for name in GAMES}
        return Records(
            palindromes=[_run(path, runs) for path in sorted((runs / "palindromes").iterdir())],
            memory=_json(runs / "memory" / "study.json"),
            options={path.name: _json(path / "study.json") for path in sorted((runs / "options").iterdir())},
            inside=_json(runs / "inside" / "inside.json"),
            networks=_json(runs / "networks.json"),
            games={name: _game(name, path, runs) for name, path in names.items() if name == "course" or path.exists()},
            comparison=_json(path)["runs"] if (path := runs / "comparison" / "study.json").exists() else [],
            stacked=_game("stacked", path, runs) if (path := runs / "gan-stacked").exists() else None,
        )
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise DataError(f"{report}: a record of the report is missing or damaged ({error})") from error


def _game(name: str, folder: Path, runs: Path) -> Game:
    own, shipped = folder / "score.json", PRETRAINED / name / "score.json"
    score, score_name = (
        (own, f"runs/{folder.name}/score.json") if own.exists() else (shipped, f"{SHIPPED}/{name}/score.json")
    )
    walks = runs / ("between" if name == "course" else f"between-{name}")
    return Game(
        run=_run(folder, runs),
        moments={moment: np.load(folder / f"{moment}.npy") for moment in ("start", "middle", "end")},
        score=_json(score) if score.exists() else None,
        score_name=score_name,
        untruncated=_json(plain) if (plain := folder / "untruncated" / "score.json").exists() else None,
        walks=_walks(walks) if walks.exists() else {},
        walks_name=f"runs/{walks.name}/verdicts.json",
    )


def _run(folder: Path, runs: Path) -> Run:
    lines = (folder / "records.jsonl").read_text().splitlines()
    run = Run(
        name=f"runs/{folder.relative_to(runs).as_posix()}",
        config=_json(folder / "config.json"),
        environment=_json(folder / "environment.json"),
        records=[json.loads(line) for line in lines],
    )
    if not run.of("result"):
        raise DataError(f"{folder}: this run has not ended")
    return run


def _walks(folder: Path) -> dict[str, figures.Strip]:
    verdicts = _json(folder / "verdicts.json")
    return {name: (np.load(folder / f"{name}.npy"), said["classes"], said["confidences"])
            for name, said in verdicts.items()}  # fmt: skip


def _json(path: Path) -> Any:
    return json.loads(path.read_text())
