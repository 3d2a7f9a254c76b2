"""Summary of a study: the runs that its study.json holds, and those that are in its folder."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from palingen.report import record_shapes as shapes
from palingen.runtime.errors import DataError
from palingen.runtime.json_io import damaged, read_json, require_shape
from palingen.runtime.run_files import diverged_files
from palingen.workflows.run_overview.recipe_values import closest_recipe, complete_config
from palingen.workflows.run_overview.summary import ProblemCollector, State, Summary, measure

ADVICE = "delete it; the study makes it again from its runs"

STUDIED = ("cell", "length", "seed")
"""Fields that a palindrome study varies."""


def read_study_summary(folder: Path) -> Summary:
    """Summary of a study folder."""
    collector = ProblemCollector(folder)
    study: Mapping[str, Any] = collector.read(lambda: _read_study(folder), {})
    runs = study.get("runs", [])
    begun = _count_begun(folder, study.get("config"))
    total = max(len(runs), begun, study.get("planned") or 0)
    config = {name: value for name, value in study.get("config", {}).items() if name not in STUDIED}
    recipe, overrides = closest_recipe(config) if config else _recipes(runs)
    diverged = len(diverged_files(folder))  # a GAN study has them among its runs
    is_finished = len(runs) + diverged == total
    state: State = "damaged" if collector.problems else "finished" if is_finished else "unfinished"
    size, modified = measure(folder)
    is_gan = bool(study) and not config
    return Summary(
        folder=folder,
        kind="gan study" if is_gan else "palindrome study",
        state=state,
        recipe=recipe,
        overrides={**overrides, **_varied(runs)},
        done=len(runs),
        total=total,
        result=_best_variant(runs) if is_gan else _accuracies(runs) | ({"diverged": diverged} if diverged else {}),
        config=config,
        environment=_common_environment(runs),
        numbers={_run_name(run): _run_numbers(run) for run in runs},
        modified=modified,
        size=size,
        problems=tuple(collector.problems),
    )


def _count_begun(folder: Path, settings: Mapping[str, Any] | None) -> int:
    """Number of runs of the study in its folder: all, if it has no settings since each run has its own."""
    paths = [*folder.glob("*/config.json")]
    if settings is None:
        return len(paths)
    defaults = complete_config({"kind": settings.get("kind", "")})
    fixed = {name: value for name, value in {**defaults, **settings}.items() if name not in STUDIED}
    configs = [{**defaults, **_read_config(path)} for path in paths]
    return sum(all(config.get(name) == value for name, value in fixed.items()) for config in configs)


def _read_config(path: Path) -> Mapping[str, Any]:
    """Config of a run; of a damaged one, a kind that no study has."""
    config: Mapping[str, Any] = {"kind": ""}
    with suppress(DataError):
        config = read_json(path, {"kind": str})
    return config


def _read_study(folder: Path) -> Mapping[str, Any]:
    """Content of study.json; only that of a palindrome study has a config for all runs."""
    path = folder / "study.json"
    study: Mapping[str, Any] = read_json(path, dict, advice=ADVICE)
    shape = {**(shapes.PALINDROME_STUDY if "config" in study else shapes.GAN_STUDY), "planned": (int, None)}
    try:
        require_shape({"planned": None, **study}, shape)
    except ValueError as error:
        raise damaged(path, str(error), ADVICE) from error
    return study


def _recipes(runs: Sequence[Mapping[str, Any]]) -> tuple[str | None, dict[str, Any]]:
    """Recipes of a GAN study, whose runs have overrides of their own."""
    return ", ".join(sorted({run["recipe"] for run in runs})) or None, {}


def _varied(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Values of the fields in which the runs differ, or the number of variants."""
    if not runs:
        return {}
    if "recipe" in runs[0]:
        return {
            "variants": len({_variant(run) for run in runs}),
            "seeds": len({run["seed"] for run in runs}),
            "epochs": sorted({run["epochs"] for run in runs}),
        }
    return {f"{name}s": sorted({run[name] for run in runs}) for name in STUDIED}


def _accuracies(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    accuracies = [run["accuracy"] for run in runs]
    return {"lowest_accuracy": min(accuracies), "highest_accuracy": max(accuracies)} if accuracies else {}


def _best_variant(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Run with the lowest Frechet distance."""
    scored = [run for run in runs if run["score"]]
    if not scored:
        return {}
    best = min(scored, key=lambda run: run["score"]["fd"])
    return {"lowest_fd": best["score"]["fd"], "variant": _variant(best)}


def _common_environment(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Entries in which the environments of all runs agree."""
    environments = [run.get("environment") or {} for run in runs]
    if not environments:
        return {}
    first, *others = environments
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def _variant(run: Mapping[str, Any]) -> str:
    return ", ".join([run["recipe"], *(f"{name} {value}" for name, value in run["overrides"].items())])


def _run_name(run: Mapping[str, Any]) -> str:
    if "recipe" in run:
        return f"{_variant(run)}, {run['epochs']} epochs, seed {run['seed']}"
    return f"{run['cell']} T={run['length']:,} seed {run['seed']}"


def _run_numbers(run: Mapping[str, Any]) -> dict[str, Any]:
    if "recipe" in run:
        score = run["score"] or {}
        return {name: score[name] for name in ("fd", "recall", "coverage") if name in score}
    return {name: run[name] for name in ("accuracy", "loss")}
