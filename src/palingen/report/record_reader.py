"""Reads all records of a report. Every kind of them is optional."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

from palingen.report import record_shapes as shapes
from palingen.report.record_files import (
    ADVICE,
    Record,
    read_config,
    read_optional,
    read_run_records,
    read_shipped_config,
)
from palingen.report.records import GAN_RECIPES, STAGES, GanRecords, Records, RunRecords, Strip, StudyRecords
from palingen.runtime.errors import DataError
from palingen.runtime.image_io import read_pixels
from palingen.runtime.json_io import Shape, damaged, read_json, require_shape
from palingen.runtime.paths import PRETRAINED_DIR

STUDIED = ("cell", "length", "seed")
"""Fields in which the runs of a study differ."""

READ = re.compile(
    "palindromes|ablations|orthogonal-init|gru-settings|analysis|max-latent-norm|comparison|memory(-.+)?"
    rf"|interpolation(-.+)?|gan-({'|'.join((*GAN_RECIPES, 'stacked'))})(-seed.+)?"
)
"""Names of folders under `runs` that are read."""

SNAPSHOT = (25, 28, None)
"""Shape of the images of one stage; the width is 28, or 84 for three digits side by side."""


def read_records(report: Path, *, skip_unfinished: bool = False) -> Records:
    """Read all records under `report`/runs.

    Args:
        report: folder of the report.
        skip_unfinished: leave out runs that are not finished, which are an error by default.

    Raises:
        DataError: there is no such folder, or a record is damaged.
    """
    runs = report / "runs"
    if not runs.is_dir():
        raise DataError(f"{runs}: no such folder; name a folder with runs/, or make the runs first")

    def is_readable(folder: Path) -> bool:
        return not skip_unfinished or _is_finished(folder)

    gan_folders = {name: runs / f"gan-{name}" for name in (*GAN_RECIPES, "stacked")}
    recipes = [name for name, folder in gan_folders.items() if folder.is_dir() and is_readable(folder)]
    repeats = [folder.name.removeprefix("gan-") for folder in sorted(runs.glob("gan-*-seed*")) if is_readable(folder)]
    palindromes = [path.parent for path in sorted(runs.glob("palindromes/*/config.json")) if is_readable(path.parent)]
    by_recipe = {name: _read_gan(name, runs) for name in recipes}
    return Records(
        palindromes=[_read_run(folder, runs) for folder in palindromes],
        memory=_read_memory(runs),
        ablations=_read_studies("ablations", runs),
        orthogonal_init=_read_studies("orthogonal-init", runs),
        gru_settings=_read_studies("gru-settings", runs),
        analysis=_read_analysis(runs / "analysis" / "analysis.json"),
        memory_analysis=_read_analysis(runs / "memory-analysis" / "analysis.json"),
        model_summary=read_optional(runs / "model_summary.json", shapes.MODEL_SUMMARY),
        max_latent_norms=_read_max_latent_norms(runs / "max-latent-norm"),
        stacked=by_recipe.pop("stacked", None),
        gans=by_recipe,
        gan_repeats={name: _read_gan(name, runs) for name in repeats},
        variants=_read_study(runs / "comparison", runs, shapes.GAN_STUDY),
    )


def unread_runs(report: Path) -> list[str]:
    """Names of those folders under `report`/runs that no part of the report reads, such as wrongly named runs."""
    return sorted(path.name for path in (report / "runs").iterdir() if path.is_dir() and not READ.fullmatch(path.name))


def _is_finished(folder: Path) -> bool:
    """Whether a run has its weights, which are written last."""
    return (folder / "weights.safetensors").exists()


def _read_studies(folder: str, runs: Path) -> dict[str, StudyRecords]:
    paths = sorted(runs.glob(f"{folder}/*/study.json"))
    return {path.parent.name: study for path in paths if (study := _read_study(path.parent, runs)) and study.runs}


def _read_memory(runs: Path) -> StudyRecords | None:
    """All studies of recipe memory as one; a run that several hold is that of the last.

    Raises:
        DataError: they have different settings, or one is damaged.
    """
    folders = [path.parent for path in sorted(runs.glob("memory*/study.json"))]
    studies = [study for folder in folders if (study := _read_study(folder, runs))]
    if len(studies) < 2:
        return studies[0] if studies and studies[0].runs else None
    for study in studies:
        shared = (studies[0].config.keys() & study.config.keys()) - set(STUDIED)
        if different := sorted(name for name in shared if study.config[name] != studies[0].config[name]):
            raise DataError(
                f"{runs.parent / study.name}: {', '.join(different)} is not that of {studies[0].name}; "
                "keep studies of other settings in folders whose names do not begin with memory"
            )
    results = {tuple(run[name] for name in STUDIED): run for study in studies for run in study.runs}
    diverged = {tuple(run[name] for name in STUDIED): run for study in studies for run in study.diverged}
    others = [run for key, run in diverged.items() if key not in results]
    name = "runs/memory*/study.json"
    return StudyRecords(name, studies[0].config, list(results.values()), others) if results else None


def _read_analysis(path: Path) -> Sequence[Record]:
    analyses: Sequence[Record] = read_optional(path, shapes.ANALYSES) or ()
    return analyses


def _read_study(folder: Path, runs: Path, shape: Shape = shapes.PALINDROME_STUDY) -> StudyRecords | None:
    path = folder / "study.json"
    study = read_optional(path, shape) or {}
    name, diverged = path.relative_to(runs.parent).as_posix(), study.get("diverged", [])
    try:
        require_shape(diverged, shapes.DIVERGED, "diverged")
    except ValueError as error:
        raise damaged(path, str(error), ADVICE) from error
    runs_of_study = study.get("runs", [])
    has_any = runs_of_study or diverged
    return StudyRecords(name, study.get("config") or {}, runs_of_study, diverged) if has_any else None


def _read_run(folder: Path, runs: Path) -> RunRecords:
    config = read_config(folder)
    records = read_run_records(folder, config["kind"])
    environment = read_json(folder / "environment.json", shapes.ENVIRONMENT, advice=ADVICE)
    run = RunRecords(folder.relative_to(runs.parent).as_posix(), config, environment, records)
    if not run.of("result"):
        raise DataError(f"{folder}: the run is not finished; resume it, or move its folder elsewhere")
    return run


def _read_gan(recipe: str, runs: Path) -> GanRecords:
    folder = runs / f"gan-{recipe}"
    run = _read_run(folder, runs)
    score_path, shipped = folder / "score.json", PRETRAINED_DIR / recipe
    score_name = f"{run.name}/score.json"
    # a run with weights of its own is another training than the shipped one
    if (
        not score_path.exists()
        and not _is_finished(folder)
        and read_shipped_config(shipped / "end.safetensors") == run.config
    ):
        score_path, score_name = shipped / "score.json", f"src/palingen/pretrained/{recipe}/score.json"
    interpolations = runs / ("interpolation" if recipe == "course" else f"interpolation-{recipe}")
    return GanRecords(
        run=run,
        snapshots={stage: read_pixels(folder / f"{stage}.npy", SNAPSHOT, advice=ADVICE) for stage in STAGES},
        score=read_optional(score_path, shapes.STACKED_SCORE_FILE if recipe == "stacked" else shapes.SCORE_FILE),
        score_name=score_name,
        interpolations=_read_interpolations(interpolations),
        interpolations_name=f"runs/{interpolations.name}/predictions.json",
    )


def _read_max_latent_norms(folder: Path) -> Sequence[Record]:
    scores = [score for path in folder.glob("*/score.json") if (score := read_optional(path, shapes.SCORE_FILE))]
    return sorted(scores, key=lambda score: -(score["max_latent_norm"] or math.inf))


def _read_interpolations(folder: Path) -> dict[str, Strip]:
    path = folder / "predictions.json"
    strips = {
        name: Strip(
            read_pixels(folder / f"{name}.npy", (None, 28, 28), advice=ADVICE),
            prediction["classes"],
            prediction["confidences"],
        )
        for name, prediction in (read_optional(path, shapes.PREDICTIONS) or {}).items()
    }
    for strip in strips.values():
        if not len(strip.pixels) == len(strip.classes) == len(strip.confidences):
            raise damaged(path, "it has another number of images than the arrays beside it", ADVICE)
    return strips
