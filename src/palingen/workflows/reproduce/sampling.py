"""Steps of a reproduction that sample generators: interpolations, and maximum latent norms.

The generator is the reproduced one if its part is finished, else the one shipped with the package.
"""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from palingen.gan.pretrained import PretrainedGenerator, load_generator
from palingen.report.record_shapes import PREDICTIONS, SCORE_FILE
from palingen.runtime.atomic_io import write_json
from palingen.runtime.errors import PalingenError
from palingen.runtime.json_io import read_json
from palingen.workflows.reproduce import quick
from palingen.workflows.reproduce.gan import PREFIX, SCORE, write_score
from palingen.workflows.reproduce.steps import WEIGHTS, Setup, Step
from palingen.workflows.run_figures import interpolation_figures

NORMS = "max-latent-norm"
"""Folder of the comparison of maximum latent norms."""

INTERPOLATION_SECONDS, NORM_SECONDS = 5.0, 200.0
"""Durations, which no record holds, of an interpolation and of a norm's score; measured with one thread."""


def sampling_steps(setup: Setup) -> Iterator[Step]:
    """Steps of the interpolations and of the comparison of maximum latent norms."""
    for path in sorted(setup.reference.glob("interpolation*/predictions.json")):
        run = partial(_reproduce_interpolation, setup, path)
        yield Step(path.parent.name, INTERPOLATION_SECONDS, run, parallel=False)
    for path in sorted(setup.reference.glob(f"{NORMS}/*/{SCORE}"))[: quick.NUM_VARIANTS if setup.quick else None]:
        run = partial(_reproduce_max_latent_norm, setup, path)
        yield Step(f"{NORMS}/{path.parent.name}", NORM_SECONDS, run, parallel=False)


def _reproduce_interpolation(setup: Setup, reference: Path) -> None:
    """Interpolate between the classes of the reference."""
    folder = setup.out / reference.parent.name
    generator = _open_generator(setup, reference.parent.name.partition("-")[2] or "course", folder)
    predictions = read_json(reference, PREDICTIONS)["linear"]["classes"]
    classes = None if setup.quick else (predictions[0], predictions[-1])
    try:
        interpolations = generator.interpolate(classes=classes)
    except PalingenError:
        if setup.quick:
            return  # after so short a training, all images may be of one class
        raise
    interpolation_figures(folder, interpolations)


def _reproduce_max_latent_norm(setup: Setup, reference: Path) -> None:
    """Score a generator with one maximum latent norm on the validation part."""
    record = read_json(reference, SCORE_FILE)
    folder = setup.out / NORMS / reference.parent.name
    generator = _open_generator(setup, next(iter(record["rows"])).removeprefix(PREFIX), folder)
    write_score(setup, generator.with_max_latent_norm(record["max_latent_norm"]), folder / SCORE, record)


def _open_generator(setup: Setup, recipe: str, folder: Path) -> PretrainedGenerator:
    """Generator of a recipe; results in `folder` that are of the shipped one are deleted once it is reproduced."""
    run = setup.out / f"{PREFIX}{recipe}"
    is_reproduced = (run / SCORE).exists()
    weights = {"weights": "reproduced" if is_reproduced else "shipped"}
    if (folder / WEIGHTS).exists() and read_json(folder / WEIGHTS, {"weights": str}) != weights:
        shutil.rmtree(folder)
    write_json(folder / WEIGHTS, weights)
    return load_generator(run if is_reproduced else recipe)
