"""Records as plain JSON and arrays, each with the name of the file it comes from. Every kind of them is optional.

    runs/palindromes/*           run folders of `palingen palindrome train`, recipe course
    runs/memory                  study.json of `palingen palindrome study`, recipe memory
    runs/ablations/*             study.json of the same study with one setting changed
    runs/orthogonal-init/*       study.json of one cell, with and without orthogonal initialisation
    runs/analysis                analysis.json of `palingen palindrome analyze`
    runs/model_summary.json      layers, shapes and parameters of the networks
    runs/gan-NAME                run folder of a GAN with its score.json; unclipped/score.json without latent clipping
    runs/interpolation[-NAME]    `palingen gan interpolate`
    runs/comparison              study.json of `palingen gan study`
    pretrained/NAME/score.json   score of the weights shipped with the package

B  images      S  points of an interpolation
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jaxtyping import UInt8
from numpy import ndarray

from palingen.report.record_files import (
    Record,
    read_array,
    read_json,
    read_json_lines,
    read_optional,
    read_score,
    read_shipped_config,
    require_keys,
)
from palingen.runtime.errors import DataError
from palingen.runtime.paths import PRETRAINED_DIR

GAN_RECIPES = ("course", "public-script", "residual", "residual-unconditional")
"""Recipes for single digits, in the order of the tables."""

STAGES = ("start", "middle", "end")
"""Stages of the training at which a GAN's run keeps images."""

LEARNED = 0.99
"""Accuracy on unseen palindromes from which on a seed counts as having learned the task."""

Images = UInt8[ndarray, "B 28 width"]
"""The width is 28, or 84 for three digits side by side."""


@dataclass(frozen=True)
class Strip:
    """Images along an interpolation, with their predicted classes and the classifier's confidences."""

    pixels: UInt8[ndarray, "S 28 28"]
    classes: Sequence[int]
    confidences: Sequence[float]


@dataclass(frozen=True)
class RunRecords:
    """Config, environment and records of one run."""

    name: str
    """Its folder under report/."""

    config: Record
    environment: Record
    records: Sequence[Record]

    def of(self, kind: str) -> list[Record]:
        """Records of one kind."""
        return [record for record in self.records if record.get("kind") == kind]

    @property
    def result(self) -> Record:
        """Result record, the last one."""
        return self.of("result")[-1]


@dataclass(frozen=True)
class StudyRecords:
    """Results of a study, each with its own environment (None if unknown)."""

    name: str
    """Its file under report/."""

    config: Record
    """Config that all runs share; empty if there is none."""

    runs: Sequence[Record]

    def of(self, cell: str, length: int) -> list[Record]:
        """Results of one cell at one length."""
        return [run for run in self.runs if (run["cell"], run["length"]) == (cell, length)]

    @property
    def threads(self) -> int | None:
        """Threads of each run; None if they are unknown or differ."""
        threads = {(run.get("environment") or {}).get("threads") for run in self.runs}
        return threads.pop() if len(threads) == 1 else None


@dataclass(frozen=True)
class GanRecords:
    """A GAN's run, with its images, score and interpolations where there are any."""

    run: RunRecords

    snapshots: Mapping[str, Images]
    """Images from the same latents by stage."""

    score: Record | None
    score_name: str

    unclipped_score: Record | None = None
    """Score without a maximum latent norm, of a recipe that has one."""

    interpolations: Mapping[str, Strip] = field(default_factory=dict)
    interpolations_name: str = ""


@dataclass(frozen=True)
class Records:
    """All records of a report; None or empty where there are none."""

    palindromes: Sequence[RunRecords] = ()
    memory: StudyRecords | None = None
    ablations: Mapping[str, StudyRecords] = field(default_factory=dict)
    orthogonal_init: Mapping[str, StudyRecords] = field(default_factory=dict)
    """Studies `CELL-with` and `CELL-without` orthogonal initialisation."""

    analysis: Sequence[Record] = ()
    model_summary: Record | None = None
    gans: Mapping[str, GanRecords] = field(default_factory=dict)
    """Single-digit GANs by recipe, in the order of `GAN_RECIPES`."""

    stacked: GanRecords | None = None
    variants: StudyRecords | None = None

    def course_runs(self, cell: str, length: int) -> list[RunRecords]:
        """Palindrome runs of recipe course, of one cell at one length."""
        return [run for run in self.palindromes if (run.result["cell"], run.result["length"]) == (cell, length)]

    @property
    def course_lengths(self) -> list[int]:
        """Lengths of the palindrome runs of recipe course, ascending."""
        return sorted({run.result["length"] for run in self.palindromes})


def read_records(report: Path) -> Records:
    """Read all records under `report`/runs.

    Raises:
        DataError: there is no such folder, or a record is damaged.
    """
    runs = report / "runs"
    if not runs.is_dir():
        raise DataError(f"{runs}: missing or damaged (no folder). Name a folder with runs/, or make the runs first.")
    recipes = [name for name in (*GAN_RECIPES, "stacked") if (runs / f"gan-{name}").is_dir()]
    by_recipe = {name: _read_gan(name, runs) for name in recipes}
    return Records(
        palindromes=[_read_run(path.parent, runs) for path in sorted(runs.glob("palindromes/*/config.json"))],
        memory=_read_study(runs / "memory", runs),
        ablations=_read_studies("ablations", runs),
        orthogonal_init=_read_studies("orthogonal-init", runs),
        analysis=_read_analysis(runs / "analysis" / "analysis.json"),
        model_summary=read_optional(runs / "model_summary.json"),
        stacked=by_recipe.pop("stacked", None),
        gans=by_recipe,
        variants=_read_study(runs / "comparison", runs),
    )


def _read_studies(folder: str, runs: Path) -> dict[str, StudyRecords]:
    paths = sorted(runs.glob(f"{folder}/*/study.json"))
    return {path.parent.name: study for path in paths if (study := _read_study(path.parent, runs))}


def _read_analysis(path: Path) -> Sequence[Record]:
    analyses: Sequence[Record] = read_optional(path) or ()
    for analysis in analyses:
        require_keys(path, analysis, "analysis")
    return analyses


def _read_study(folder: Path, runs: Path) -> StudyRecords | None:
    path = folder / "study.json"
    study = read_optional(path) or {}
    results = study.get("runs", [])
    for result in results:
        require_keys(path, result, "gan study" if "recipe" in result else "palindrome study")
    name = path.relative_to(runs.parent).as_posix()
    return StudyRecords(name, study.get("config") or {}, results) if results else None


def _read_run(folder: Path, runs: Path) -> RunRecords:
    config = read_json(folder / "config.json")
    kind = config.get("kind")
    if kind not in ("PalindromeConfig", "GanConfig"):
        raise DataError(f"{folder}: kind={kind!r}: made by another version of palingen. Make the run again.")
    records, environment = read_json_lines(folder / "records.jsonl"), read_json(folder / "environment.json")
    run = RunRecords(folder.relative_to(runs.parent).as_posix(), config, environment, records)
    if not run.of("result"):
        raise DataError(f"{folder}: the run is not finished. Resume it, or move its folder elsewhere.")
    require_keys(folder / "records.jsonl", run.result, kind)
    return run


def _read_gan(recipe: str, runs: Path) -> GanRecords:
    folder = runs / f"gan-{recipe}"
    run = _read_run(folder, runs)
    score_path, shipped = folder / "score.json", PRETRAINED_DIR / recipe
    score_name = f"{run.name}/score.json"
    if not score_path.exists() and read_shipped_config(shipped / "end.safetensors") == run.config:
        score_path, score_name = shipped / "score.json", f"src/palingen/pretrained/{recipe}/score.json"
    interpolations = runs / ("interpolation" if recipe == "course" else f"interpolation-{recipe}")
    return GanRecords(
        run=run,
        snapshots={stage: read_array(folder / f"{stage}.npy") for stage in STAGES},
        score=read_score(score_path, "stacked score" if recipe == "stacked" else "score"),
        score_name=score_name,
        unclipped_score=read_score(folder / "unclipped" / "score.json", "score"),
        interpolations=_read_interpolations(interpolations),
        interpolations_name=f"runs/{interpolations.name}/predictions.json",
    )


def _read_interpolations(folder: Path) -> dict[str, Strip]:
    path = folder / "predictions.json"
    if not path.exists():
        return {}
    return {
        name: Strip(read_array(folder / f"{name}.npy"), prediction["classes"], prediction["confidences"])
        for name, prediction in read_json(path).items()
    }
