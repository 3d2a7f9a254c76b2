"""`palingen gan study`: losses and settings compared with the same budget, over several seeds."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from palingen.cli.console import output_console
from palingen.cli.options import (
    ENGINE,
    FIELDS,
    FLATTENED,
    SEVERAL,
    TrainingFlags,
    TrainingOptions,
    print_result,
    recipe_flag,
)
from palingen.cli.study_progress import show_study_progress, warn_of_trackers
from palingen.gan.config import GanConfig, LossName
from palingen.gan.steps import EngineName
from palingen.gan.study import TrainOptions, count_finished, enumerate_runs, load_results, run_study
from palingen.recipes import GAN, MAX_LATENT_NORM
from palingen.report.results.gan_variants import group_variants
from palingen.report.values import mean_and_range
from palingen.runtime.atomic_io import write_json
from palingen.runtime.numerics import select_device
from palingen.runtime.parallel import ParallelConfig
from palingen.runtime.validation import require_field
from palingen.workflows.run_figures import variants_figure

LOSSES_HELP = "Losses to compare, or FILE.py:NAME; the recipe's by default."

SHOWN = {
    "fd": "FD",
    "recall": "recall",
    "coverage": "coverage",
    "class_tv": "class imbalance",
    "mean_confidence": "confidence",
}
"""Metrics that the table shows, with their names."""


def study(
    *,
    losses: Annotated[tuple[LossName | str, ...], SEVERAL, Parameter(help=LOSSES_HELP)] = (),
    seeds: Annotated[int, Parameter(help="Runs of each variant, with seeds 0, 1, ...")] = 3,
    recipe: Annotated[str, recipe_flag(GAN)] = "course",
    config: Annotated[GanConfig, FIELDS] = GAN["course"],
    engine: Annotated[EngineName, ENGINE] = "auto",
    parallel: Annotated[ParallelConfig, FLATTENED] = ParallelConfig(),
    options: TrainingFlags = TrainingOptions(),
) -> None:
    """Train and score one recipe with several seeds, with each of several losses if they are given.

    The same command resumes an interrupted study. Other recipes, losses and settings with the same --out are added
    to it and compared.
    """
    recipe_config = GAN[recipe]
    require_field(config, "seed", config.seed == recipe_config.seed, "is set by the study; use --seeds")
    is_compatible = not losses or config.loss == recipe_config.loss
    require_field(config, "loss", is_compatible, "is incompatible with --losses; use one of them")
    max_latent_norm = MAX_LATENT_NORM.get(recipe)
    variants = enumerate_runs(recipe, recipe_config, config, losses, seeds, max_latent_norm)
    folder = options.folder("study", f"gan-{recipe}", config)
    train_options = TrainOptions(device=str(select_device(options.device)), engine=engine, **options.keywords)
    write = partial(_write_study, folder, {variant.folder for variant in variants})
    finished = 0 if options.force else count_finished(variants, folder)
    trained = run_study(variants, folder, parallel, train_options)
    done = show_study_progress(len(variants), trained, _variants_table, _latest, write, finished)
    results = sorted(done, key=lambda result: (result["label"], result["seed"]))
    all_results = write()
    if not options.json:
        output_console().print(_variants_table(all_results))
    paths = {"folder": folder, "files": [variants_figure(folder, all_results), folder / "study.json"]}
    print_result({"runs": results, **paths}, options.json, title="Study", rows=paths)
    warn_of_trackers(folder)


def _write_study(folder: Path, runs: set[str]) -> list[dict[str, Any]]:
    """Write study.json with all results under `folder`, each with its own config; return them.

    It also says how many there will be at the end of this command, since not all of them may have begun.
    """
    results = load_results(folder)
    write_json(folder / "study.json", {"planned": len(runs | {run["folder"] for run in results}), "runs": results})
    return results


def _variants_table(results: Sequence[Mapping[str, Any]]) -> Table:
    """Table of all variants, the lowest Frechet distance first."""
    title = "Mean over seeds (lowest to highest)"
    table = Table("variant", "finished", *SHOWN.values(), title=title, title_justify="left", title_style="bold")
    for variant in group_variants(results) if results else ():
        finished = f"{len(variant.finished)} of {len(variant.runs)}"
        values = [_mean_and_range(variant.scores(metric), digits=1 if metric == "fd" else 2) for metric in SHOWN]
        table.add_row(Text(variant.name), finished, *values)
    return table


def _mean_and_range(values: Sequence[float], digits: int) -> str:
    return mean_and_range(values, digits) if values else ""


def _latest(result: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
    """Name and scores of a finished run; no scores if it diverged."""
    score = result["score"] or {}
    names = [name for name in ("fd", "coverage", "recall") if name in score]
    return f"{result['label']}, seed {result['seed']}", {name: score[name] for name in names}
