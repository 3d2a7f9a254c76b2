"""`palingen gan score` and `palingen gan baselines`: scores of generated, real and corrupted images."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from palingen.cli.generators import LatentNorm, Run, Seed, open_generator
from palingen.cli.options import OutputFlags, OutputOptions, print_result
from palingen.cli.score_table import print_scores
from palingen.gan.evaluate import evaluate_repeatedly, evaluate_stacked, require_repeats
from palingen.gan.evaluation import stacked_mnist
from palingen.gan.evaluation.classifier import load_classifier
from palingen.gan.evaluation.evaluator import NUM_SAMPLES, mnist_evaluator, require_count
from palingen.gan.pretrained import PretrainedGenerator
from palingen.runtime.atomic_io import write_json
from palingen.runtime.numerics import configure_numerics
from palingen.runtime.validation import require

COUNT_HELP = "Images to score, at least 5000; by default 10000, and 26000 of three digits at once."

REPEATS_HELP = "Sets of latents, with this seed and the following; several add standard deviations."


def score(
    run: Run,
    /,
    *,
    count: Annotated[int | None, Parameter(help=COUNT_HELP)] = None,
    seed: Seed = 0,
    repeats: Annotated[int, Parameter(help=REPEATS_HELP)] = 1,
    max_latent_norm: LatentNorm = "own",
    output: OutputFlags = OutputOptions(),
) -> None:
    """Score a generator's images against the test images, with real and corrupted images as controls.

    A generator of three digits at once is scored by how many of the 1000 numbers it generates, and how evenly.
    """
    require_repeats(repeats, seed)
    generator = open_generator(run, max_latent_norm=max_latent_norm)
    folder = output.out or Path("runs") / "score" / f"{generator.name}-seed{seed}"
    path = folder / "score.json"
    paths = {"folder": folder, "files": [path]}
    if generator.config.channels == 3:
        require("repeats", repeats, repeats == 1, "must be 1 for a generator of three digits at once")
        record = _score_modes(generator, stacked_mnist.NUM_SAMPLES if count is None else count, seed)
        write_json(path, record)
        print_result({**record, **paths}, output.json, title="Modes among the 1000 three-digit numbers")
        return
    count = NUM_SAMPLES if count is None else count
    require_count(count)
    evaluator = mnist_evaluator()
    scores, controls = evaluate_repeatedly(generator, evaluator, count, seed, repeats), evaluator.controls(count)
    record = scores.as_record(controls)
    write_json(path, record)
    if not output.json:
        print_scores({generator.name: scores.mean, **controls}, _title(count), scores.std)
    print_result({**record, **paths}, output.json, title="Scores", rows=paths)


def baselines(
    *,
    count: Annotated[int, Parameter(help="Images of each kind, at least 5000.")] = NUM_SAMPLES,
    output: OutputFlags = OutputOptions(),
) -> None:
    """Score real images as if they were generated, and real images corrupted on purpose.

    The first row is what a perfect generator would get; the others show what each metric notices.
    """
    require_count(count)
    configure_numerics()
    scores = mnist_evaluator().controls(count)
    folder = output.out or Path("runs") / "baselines" / f"{count}-images"
    path = folder / "baselines.json"
    rows = {name: asdict(score) for name, score in scores.items()}
    write_json(path, rows)
    if not output.json:
        print_scores(scores, _title(count))
    paths = {"folder": folder, "files": [path]}
    print_result({"rows": rows, **paths}, output.json, title="Baselines", rows=paths)


def _score_modes(generator: PretrainedGenerator, count: int, seed: int) -> dict[str, Any]:
    least = stacked_mnist.MIN_SAMPLES
    require("count", count, count >= least, f"must be at least {least}; fewer images hardly meet 1000 numbers")
    require("count", count, count <= stacked_mnist.MAX_SAMPLES, f"must be at most {stacked_mnist.MAX_SAMPLES}")
    return evaluate_stacked(generator, load_classifier(), count, seed)


def _title(count: int) -> str:
    return f"{count} images of each kind against the 10000 test images"
