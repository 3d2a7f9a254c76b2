"""Reads all records of a report. Every kind of them is optional."""

import math
from collections.abc import Sequence
from pathlib import Path

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
from palingen.report.records import GAN_RECIPES, STAGES, GanRecords, Records, RunRecords, Strip, StudyRecords
from palingen.runtime.errors import DataError
from palingen.runtime.paths import PRETRAINED_DIR


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
        max_latent_norms=_read_max_latent_norms(runs / "max-latent-norm"),
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
        interpolations=_read_interpolations(interpolations),
        interpolations_name=f"runs/{interpolations.name}/predictions.json",
    )


def _read_max_latent_norms(folder: Path) -> Sequence[Record]:
    scores = [score for path in folder.glob("*/score.json") if (score := read_score(path, "score"))]
    return sorted(scores, key=lambda score: -(score["max_latent_norm"] or math.inf))


def _read_interpolations(folder: Path) -> dict[str, Strip]:
    path = folder / "predictions.json"
    if not path.exists():
        return {}
    return {
        name: Strip(read_array(folder / f"{name}.npy"), prediction["classes"], prediction["confidences"])
        for name, prediction in read_json(path).items()
    }
