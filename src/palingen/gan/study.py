"""Study of GAN variants: recipes, losses and settings with the same budget, several seeds and the same evaluation."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from palingen.gan.config import GanConfig
from palingen.gan.data.datasets import dataset_size
from palingen.gan.data.sources import load_data
from palingen.gan.evaluate import evaluate_generator
from palingen.gan.evaluation.data_evaluator import data_evaluator, require_evaluator
from palingen.gan.memory_estimate import require_study_memory
from palingen.gan.pretrained import load_generator
from palingen.gan.sampling.sampling_options import write_sampling_options
from palingen.gan.steps import EngineName
from palingen.gan.train import train_gan
from palingen.gan.trainer import require_user_parts
from palingen.runtime.atomic_io import write_json
from palingen.runtime.errors import DivergenceError, PalingenError
from palingen.runtime.json_io import read_json
from palingen.runtime.parallel import ParallelConfig, map_unordered
from palingen.runtime.paths import file_name
from palingen.runtime.run_files import STUDY_RESULT_FILE, read_config, read_environment, require_same_run
from palingen.runtime.tracking.run_tracking import log_scores
from palingen.runtime.tracking.trackers import TrackerName, require_trackers
from palingen.runtime.user_code import CodeReference, part_label
from palingen.runtime.validation import SEEDS, require, require_integer

NOT_OVERRIDES = ("seed", "epochs")
"""Fields that do not make another variant."""

RESULT = {
    "recipe": str, "overrides": dict, "label": str, "seed": int, "epochs": int, "seconds": (float, None),
    "score": ({"fd": float, "coverage": float, "recall": float}, None),
}  # fmt: skip
"""Shape of `STUDY_RESULT_FILE`."""


@dataclass(frozen=True)
class Variant:
    """One run of a study: a recipe with overrides, and one seed."""

    recipe: str
    config: GanConfig
    overrides: Mapping[str, Any]
    """Fields that differ from the recipe."""

    max_latent_norm: float | None = None
    """Maximum latent norm when the generator is sampled for its score, in units of sqrt(Z)."""

    @property
    def label(self) -> str:
        """Recipe and overrides as text."""
        return ", ".join([self.recipe, *(f"{name} {value}" for name, value in self.overrides.items())])

    @property
    def folder(self) -> str:
        """Name of the run's folder in its study."""
        return f"{file_name(self.label)}-seed{self.config.seed}"


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """How the runs of a study are computed."""

    device: str = "cpu"
    engine: EngineName = "auto"
    force: bool = False
    """Delete what the run folders hold."""

    allow_engine_change: bool = False
    """Resume runs even if engine, threads or device differ."""

    trackers: tuple[TrackerName, ...] = ()
    """Trackers; each run has its own log."""


def enumerate_runs(
    recipe: str,
    recipe_config: GanConfig,
    config: GanConfig,
    losses: Sequence[str],
    seeds: int,
    max_latent_norm: float | None = None,
) -> list[Variant]:
    """Every run of a study.

    Args:
        recipe: name of the recipe.
        recipe_config: its config, to find the overrides.
        config: config to run.
        losses: losses to compare; the config's own if empty.
        seeds: seeds of each variant, 0, 1, ...
        max_latent_norm: maximum latent norm when sampling, if the recipe limits it.

    Raises:
        ConfigError: a value is invalid, or a part of the user's does not fit.
    """
    require_integer("seeds", seeds, SEEDS)
    require("data", config.data, config.data != "stacked", "is not supported by a study; train and score a single run")
    configs = [*dict.fromkeys(replace(config, loss=loss) for loss in losses or [config.loss])]
    for variant in configs:
        require_user_parts(variant)
    configs = [replace(variant, seed=seed) for variant in configs for seed in range(seeds)]
    return [Variant(recipe, variant, _overrides(recipe_config, variant), max_latent_norm) for variant in configs]


def run_study(
    variants: Sequence[Variant], out: Path, parallel: ParallelConfig, options: TrainOptions
) -> Iterator[dict[str, Any]]:
    """Train and score every variant in its folder under `out`; yield the results in the order in which they finish.

    Finished runs are not repeated, and interrupted ones resume: the same study again completes it. A run that diverges
    ends, and is a result whose `score` is None.

    Raises:
        PalingenError: the backend or a tracker is not installed, a worker died, the runs do not fit into memory, a
            folder holds a run with other settings, such as epochs, or the images cannot be scored.
        Interrupted: Ctrl-C; everything is saved.
    """
    require_trackers(options.trackers)
    if variants and parallel.backend == "loky":  # a cluster has memory of its own
        configs = [variant.config for variant in variants]
        require_study_memory(configs, dataset_size(configs[0].data), parallel.processes)
    _require_runnable(variants, out, options)
    return map_unordered(partial(_train_and_score, out.resolve(), options), variants, out, parallel)


def count_finished(variants: Sequence[Variant], out: Path) -> int:
    """Number of runs of a study that are trained and scored, or diverged."""
    return sum((out / variant.folder / STUDY_RESULT_FILE).exists() for variant in variants)


def _require_runnable(variants: Sequence[Variant], out: Path, options: TrainOptions) -> None:
    """Check that folders hold the runs of their variants, and that those without a result can be scored."""
    for variant in variants:
        if not options.force and (out / variant.folder / "config.json").exists():  # its name leaves out the epochs
            require_same_run(out / variant.folder, variant.config)
    unscored = [
        variant for variant in variants if options.force or not (out / variant.folder / STUDY_RESULT_FILE).exists()
    ]
    for data in sorted({variant.config.data for variant in unscored} - {"mnist"}):
        require_evaluator(load_data(data).info)


def load_results(out: Path) -> list[dict[str, Any]]:
    """Results of all finished runs under `out`, each with its config and environment, sorted by label and seed.

    Raises:
        PalingenError: a run is damaged.
    """
    results = []
    for path in out.glob(f"*/{STUDY_RESULT_FILE}"):
        try:
            config = asdict(read_config(path.parent, GanConfig))
            environment = read_environment(path.parent)
            results.append({**_read_result(path), "config": config, "environment": environment})
        except PalingenError:
            if path.exists():  # else a worker is beginning this run anew
                raise
    return sorted(results, key=lambda result: (result["label"], result["seed"]))


def _train_and_score(out: Path, options: TrainOptions, variant: Variant) -> dict[str, Any]:
    folder = out / variant.folder
    path = folder / STUDY_RESULT_FILE
    train = partial(
        train_gan,
        variant.config,
        folder,
        torch.device(options.device),
        engine=options.engine,
        force=options.force,
        allow_engine_change=options.allow_engine_change,
        trackers=options.trackers,
    )
    if path.exists() and not options.force:
        result = _read_result(path)
        if options.trackers and result["score"]:
            train()  # it is finished, so that only logs are completed
            log_scores(folder, variant.config, "score", result["score"])
        return result
    result = {
        "recipe": variant.recipe,
        "overrides": dict(variant.overrides),
        "label": variant.label,
        "folder": variant.folder,
        "seed": variant.config.seed,
        "epochs": variant.config.epochs,
    }
    try:
        trained = train()
        write_sampling_options(folder, variant.max_latent_norm)
        generator = load_generator(folder, trust_code=True)  # the code is that of `variant.config`
        score = asdict(evaluate_generator(generator, data_evaluator(generator.info)))
        log_scores(folder, variant.config, "score", score)
        result |= {"seconds": trained["seconds"], "score": score}
    except DivergenceError as error:
        result |= {"seconds": None, "score": None, "stopped": str(error).removeprefix(f"{folder}: ")}
    write_json(path, result)
    return result


def _overrides(recipe_config: GanConfig, config: GanConfig) -> dict[str, Any]:
    recipe_values = asdict(recipe_config)
    return {
        name: part_label(value) if isinstance(value, CodeReference) else value
        for name, value in asdict(config).items()
        if value != recipe_values[name] and name not in NOT_OVERRIDES
    }


def _read_result(path: Path) -> dict[str, Any]:
    result: dict[str, Any] = read_json(path, RESULT, advice="delete it to score the run again")
    return result
