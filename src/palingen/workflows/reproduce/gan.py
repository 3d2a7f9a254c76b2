"""GAN steps of a reproduction: single runs with their scores, studies, and the scores of real images."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from palingen.gan.config import GanConfig
from palingen.gan.evaluate import evaluate_repeatedly, evaluate_stacked
from palingen.gan.evaluation.baselines import as_record, baselines, file_name
from palingen.gan.evaluation.classifier import load_classifier
from palingen.gan.evaluation.evaluator import NUM_REPEATS, NUM_SAMPLES, mnist_evaluator
from palingen.gan.pretrained import PretrainedGenerator, load_generator
from palingen.gan.sampling.sampling_options import write_sampling_options
from palingen.gan.study import TrainOptions, Variant, count_finished, load_results, run_study
from palingen.gan.train import train_gan
from palingen.runtime.atomic_io import write_json
from palingen.runtime.config_io import parse_config
from palingen.runtime.json_io import read_json
from palingen.runtime.paths import PRETRAINED_DIR
from palingen.runtime.run_files import read_config, read_result
from palingen.workflows.reproduce import quick
from palingen.workflows.reproduce.steps import Setup, Step, read_studies, wait_for_runs
from palingen.workflows.run_figures import gan_figures

PREFIX = "gan-"
"""Beginning of the folder names of GAN runs; the rest is the recipe."""

SCORE = "score.json"
"""File of a score; a GAN's step ends with it."""

BASELINES = "baselines"
"""Folder of the scores of real images."""

BASELINES_SECONDS = 400.0
"""Their duration, which no record holds; measured with one thread."""


def gan_run_steps(setup: Setup) -> Iterator[Step]:
    """Steps of the single runs, one after the other, since each uses all cores."""
    folders = [path.parent for path in sorted(setup.reference.glob(f"{PREFIX}*/config.json"))]
    configs = {folder.name: read_config(folder, GanConfig) for folder in folders}
    for name, config in configs.items():
        if setup.quick and name not in quick.GANS:
            continue
        seconds = read_result(setup.reference / name)["seconds"]
        yield Step(name, seconds, partial(_reproduce_run, setup, name, config), parallel=False)


def baseline_steps(setup: Setup) -> Iterator[Step]:
    """Step of the scores of real images, intact and corrupted; a score of a generator takes the shipped ones."""
    if not setup.quick:  # takes minutes even for few images
        yield Step(BASELINES, BASELINES_SECONDS, partial(_reproduce_baselines, setup), parallel=False)


def gan_study_steps(setup: Setup) -> Iterator[Step]:
    """Steps of all studies of GAN variants."""
    for name, study in read_studies(setup.reference).items():
        if any("recipe" in run for run in study["runs"]):
            path = setup.reference / name / "study.json"
            variants = [
                Variant(run["recipe"], parse_config(run["config"], GanConfig, path), run["overrides"])
                for run in study["runs"]
            ]
            seconds = sum(run["seconds"] or 0.0 for run in study["runs"])  # None: the run diverged
            yield Step(name, seconds, partial(_reproduce_study, setup, name, study, variants))


def _reproduce_run(setup: Setup, name: str, config: GanConfig) -> None:
    out = setup.out / name
    train_gan(quick.shorten_gan(config, name, setup.out) if setup.quick else config, out, setup.device)
    gan_figures(out, out)
    write_sampling_options(out, _reference_max_latent_norm(setup.reference / name))
    write_score(setup, load_generator(out), out / SCORE)


def _reproduce_baselines(setup: Setup) -> None:
    path = setup.out / BASELINES / file_name("test")
    if not path.exists():
        evaluator, count = mnist_evaluator(), NUM_SAMPLES["test"]
        write_json(path, as_record(evaluator, count, evaluator.controls(count)))


def _reference_max_latent_norm(folder: Path) -> float | None:
    """Maximum latent norm of the score of a reference run, which may be beside the weights shipped with the package."""
    shipped = PRETRAINED_DIR / folder.name.removeprefix(PREFIX)
    for path in (folder / SCORE, shipped / SCORE):
        if path.exists():
            norm: float | None = read_json(path, {...: object}).get("max_latent_norm")
            return norm
    return None


def write_score(
    setup: Setup, generator: PretrainedGenerator, path: Path, reference: Mapping[str, Any] | None = None
) -> None:
    """Evaluate a generator, unless that has been done.

    Args:
        setup: the reproduction.
        generator: generator to evaluate.
        path: file to write.
        reference: score to repeat; by default one against the test images with the protocol's numbers of images.
    """
    if path.exists():
        return
    if generator.config.channels != 1:
        write_json(path, evaluate_stacked(generator, load_classifier()))
        return
    protocol = reference or {"n": NUM_SAMPLES["test"], "repeats": NUM_REPEATS, "reference": "test"}
    count, repeats = (quick.NUM_IMAGES, 1) if setup.quick else (protocol["n"], protocol["repeats"])
    evaluator = mnist_evaluator(protocol["reference"])
    scores = evaluate_repeatedly(generator, evaluator, count, repeats=repeats)
    write_json(path, scores.as_record(baselines(evaluator, count), evaluator))


def _reproduce_study(setup: Setup, name: str, study: Mapping[str, Any], variants: list[Variant]) -> None:
    out = setup.out / name
    if setup.quick:
        variants = [
            replace(variant, config=quick.shorten_gan(variant.config, name, setup.out))
            for variant in variants[: quick.NUM_VARIANTS]
        ]
    results = run_study(variants, out, setup.parallel, TrainOptions(device=str(setup.device)))
    wait_for_runs(name, len(variants), results, count_finished(variants, out))
    write_json(out / "study.json", {**study, "runs": load_results(out)})
