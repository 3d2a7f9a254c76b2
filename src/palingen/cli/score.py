"""`palingen gan score`: scores of generated images."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from torch import Tensor

from palingen.cli.evaluators import ReferenceFlag, identify, open_evaluator, print_table
from palingen.cli.generators import LatentNorm, Seed, norm_name, open_generator
from palingen.cli.options import OutputFlags, OutputOptions, TrustCode, folder_name, print_result
from palingen.gan.data.image_files import ARRAY_SUFFIXES, list_pictures, read_images
from palingen.gan.evaluate import (
    RepeatedScores,
    evaluate_pixels,
    evaluate_repeatedly,
    evaluate_stacked,
    require_repeats,
)
from palingen.gan.evaluation import baselines as shipped
from palingen.gan.evaluation import stacked_mnist
from palingen.gan.evaluation.classifier import load_classifier
from palingen.gan.evaluation.evaluator import Evaluator, Reference
from palingen.gan.pretrained import PretrainedGenerator
from palingen.runtime.atomic_io import write_json
from palingen.runtime.errors import PalingenError
from palingen.runtime.image_io import tile, write_png
from palingen.runtime.numerics import configure_numerics
from palingen.runtime.tracking.run_tracking import log_scores
from palingen.runtime.validation import require

DATA_HELP = (
    "Data set to compare with: mnist, another name, or a path; by default that of the run, and mnist for other images."
)

SOURCE_HELP = (
    "Run folder of gan train, pretrained:NAME, an .npy or .npz file of images ([N, 28, 28], uint8 or float from 0 to "
    "1), or a folder of pictures of 28 x 28 pixels."
)

COUNT_HELP = (
    "Images to score, at least 5000, or 100 for data other than MNIST; by default 10000, 30000 for validation, and "
    "26000 of three digits at once; fewer of a small data set."
)

REPEATS_HELP = "Sets of latents, with this seed and the following; several add standard deviations."

SCORE_KINDS = {"test": "score", "validation": "validation_score"}
"""Kind of the scores in the logs of trackers, by the real images."""

COLUMNS, SCALE = 10, 3
"""Layout of the contact sheet of the worst images."""


def score(
    source: Annotated[str, Parameter(help=SOURCE_HELP)],
    /,
    *,
    count: Annotated[int | None, Parameter(help=COUNT_HELP)] = None,
    seed: Seed = 0,
    repeats: Annotated[int, Parameter(help=REPEATS_HELP)] = 1,
    max_latent_norm: LatentNorm = "own",
    reference: ReferenceFlag = "test",
    trust_code: TrustCode = False,
    data: Annotated[str | None, Parameter(help=DATA_HELP)] = None,
    output: OutputFlags = OutputOptions(),
) -> None:
    """Score a generator's images, or any others, against real ones, with real and corrupted images as controls.

    Beside the scores it writes the hundred images that the classifier is least confident of. A generator of three
    digits at once is scored by how many of the 1000 numbers it generates, and how evenly.
    """
    require_repeats(repeats, seed)
    if (images := _read_source(source)) is not None:
        is_default = (count, seed, repeats, max_latent_norm) == (None, 0, 1, "own")
        rule = "is scored once, as it is; --count, --seed, --repeats and --max-latent-norm are for generators"
        require("source", source, is_default, rule)
        _score_images(images, Path(source).resolve().stem, data, reference, output)
        return
    generator = open_generator(source, max_latent_norm=max_latent_norm, trust_code=trust_code)
    name = _score_name(generator.name, seed, count, repeats, max_latent_norm, data)
    if generator.config.channels == 3:
        require("repeats", repeats, repeats == 1, "must be 1 for a generator of three digits at once")
        require("reference", reference, reference == "test", "must be 'test' for a generator of three digits at once")
        _report_modes(generator, stacked_mnist.NUM_SAMPLES if count is None else count, seed, output, name)
        return
    info = generator.info if data is None else identify(data)
    evaluator, count = open_evaluator(info, reference, count)
    scores = evaluate_repeatedly(generator, evaluator, count, seed, repeats)
    _report(scores, evaluator, output, name)
    if data is None:
        log_scores(generator.folder, generator.config, SCORE_KINDS[reference], asdict(scores.summary.mean))


def _score_name(
    generator: str, seed: int, count: int | None, repeats: int, norm: float | str | None, data: str | None
) -> str:
    """Name of a score's folder: the generator's, and all that is not the default, so that no score replaces another."""
    return folder_name(
        generator,
        f"seed{seed}",
        images=count,
        repeats=repeats if repeats > 1 else None,
        norm=norm_name(norm),
        data=data and Path(data).stem,
    )


def _score_images(images: Tensor, name: str, data: str | None, reference: Reference, output: OutputOptions) -> None:
    configure_numerics()
    evaluator, _ = open_evaluator(identify(data), reference, len(images))
    _report(evaluate_pixels(images, evaluator, name), evaluator, output, name)


def _read_source(source: str) -> Tensor | None:
    """Images of a file or of a folder of pictures; None for the name of a generator or a run folder.

    Raises:
        PalingenError: it is none of these, or its images are damaged.
    """
    path = Path(source)
    if path.suffix.lower() in ARRAY_SUFFIXES or (path.is_dir() and _holds_pictures(path)):
        return read_images(path)
    if path.is_file() or any(path.glob("*/config.json")):
        raise PalingenError(
            f"{path}: must be a run folder, pretrained:NAME, an .npy or .npz file, or a folder of pictures"
        )
    return None


def _holds_pictures(folder: Path) -> bool:
    is_of_runs = (folder / "config.json").exists() or any(folder.glob("*/config.json"))
    return not is_of_runs and bool(list_pictures(folder))


def _report(scores: RepeatedScores, evaluator: Evaluator, output: OutputOptions, name: str) -> None:
    """Write and print the scores of images, beside those of the controls."""
    summary = scores.summary
    count = summary.mean.n
    controls = shipped.baselines(evaluator, count)
    record = scores.as_record(controls, evaluator)
    folder = output.out or Path("runs") / "score" / (name if evaluator.reference == "test" else f"{name}-validation")
    files = [folder / "score.json", folder / "worst.png"]
    paths = {"folder": folder, "files": files}
    write_json(files[0], record)
    write_png(files[1], tile(scores.worst.numpy(), COLUMNS, scale=SCALE))
    if not output.json:
        print_table({scores.row_name: summary, **controls}, evaluator, count)
    print_result({**record, **paths}, output.json, title="Scores", rows=paths)


def _report_modes(generator: PretrainedGenerator, count: int, seed: int, output: OutputOptions, name: str) -> None:
    """Write and print the modes of a generator of three digits at once."""
    least = stacked_mnist.MIN_SAMPLES
    require("count", count, count >= least, f"must be at least {least}; fewer images hardly meet 1000 numbers")
    require("count", count, count <= stacked_mnist.MAX_SAMPLES, f"must be at most {stacked_mnist.MAX_SAMPLES}")
    record = evaluate_stacked(generator, load_classifier(), count, seed)
    folder = output.out or Path("runs") / "score" / name
    write_json(folder / "score.json", record)
    paths: dict[str, Any] = {"folder": folder, "files": [folder / "score.json"]}
    print_result({**record, **paths}, output.json, title="Modes among the 1000 three-digit numbers")
    log_scores(generator.folder, generator.config, "score", record)
