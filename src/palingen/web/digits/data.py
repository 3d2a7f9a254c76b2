"""Data of the digits page: networks, directions, snapshots and scores of each generator, and training digits.

B  images
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image

from palingen.gan.config import GanConfig
from palingen.gan.data.dataset_info import DatasetInfo
from palingen.gan.data.mnist import IMAGE_SIZE
from palingen.gan.data.named import NAMED
from palingen.gan.evaluation.classifier import DigitClassifier
from palingen.gan.evaluation.classifier_store import require_classifier
from palingen.gan.models import ARCHITECTURES
from palingen.gan.pretrained import PretrainedGenerator, load_generator
from palingen.gan.sampling.directions import NUM_SAMPLES, Direction, LinearMap, find_directions
from palingen.gan.sampling.latents import generate_pixels
from palingen.gan.sampling.snapshots import COLUMNS, NUM_IMAGES, SCALE, SnapshotStage, snapshot_inputs
from palingen.report.record_shapes import SCORE_FILE
from palingen.runtime.errors import DataError, PalingenError
from palingen.runtime.image_io import GAP
from palingen.runtime.json_io import read_json
from palingen.runtime.paths import PRETRAINED_DIR
from palingen.runtime.run_files import list_snapshots, read_config
from palingen.runtime.user_code import part_label
from palingen.web.digits.training_digits import training_digits
from palingen.web.encode import classifier_layers, encode_gray4, generator_layers, linear_layer

MAX_SNAPSHOTS = 40
"""Snapshots of a run on the page, evenly spaced."""

METRICS = (
    "fd",
    "fd_second",
    "precision",
    "recall",
    "coverage",
    "class_tv",
    "mean_confidence",
    "low_confidence_fraction",
    "nearest_train_ratio",
    "class_accuracy",
)
"""Metrics of the page's table of scores."""


@dataclass(frozen=True)
class DigitsData:
    """JSON values of the page, in the order in which the browser reads them."""

    metadata: dict[str, Any]
    """All that the panels show."""

    first_weights: dict[str, Any]
    """Networks of the first generator, so that its images appear before the rest is read."""

    remaining_weights: dict[str, Any]
    """Networks of the other generators, the classifier, and the training digits."""


def require_architecture(run: Path) -> None:
    """Check that the page can compute the networks of a run.

    Raises:
        PalingenError: there is no such run, or its architecture is a user's.
    """
    architecture = read_config(run, GanConfig).architecture
    if architecture not in ARCHITECTURES:
        raise PalingenError(f"{run}: the page computes {', '.join(ARCHITECTURES)}, and not {part_label(architecture)}")


def digits_data(generators: Sequence[PretrainedGenerator]) -> DigitsData:
    """Data of the page for these generators.

    Raises:
        PalingenError: a generator makes three digits at once, or has a layer that the page cannot compute, or the
            generators are of several data sets.
        DataError: the scores or the snapshots of a run are damaged, there is no classifier for the data set, or its
            images are missing.
        RunError: the weights of a snapshot are missing or damaged.
    """
    info = _common_data(generators)
    classifier, training = _page_classifier(info), training_digits(info)
    metadata, weights = zip(*(_generator_data(pretrained, classifier) for pretrained in generators), strict=True)
    return DigitsData(
        {
            "models": metadata,
            "directionSamples": NUM_SAMPLES,
            "classNames": info.class_names,
            "credit": _credit(info),
            "inkSize": training.ink_size,
            "trainingLabels": training.labels,
            "numTraining": training.num_available,
            "medianTestDistance": training.median_test_distance,
        },
        {"models": weights[:1]},
        {
            "models": weights[1:],
            "classifier": {"layers": classifier_layers(classifier)},
            "trainingDigits": encode_gray4(training.pixels),
        },
    )


def _common_data(generators: Sequence[PretrainedGenerator]) -> DatasetInfo:
    """Identity of the data set that all generators were trained on."""
    for pretrained in generators:
        if pretrained.config.channels != 1:
            raise PalingenError(f"{pretrained.name}: makes three digits at once; the page shows single digits")
    first = generators[0]
    for pretrained in generators:
        if pretrained.info.sha256 != first.info.sha256:
            raise PalingenError(
                f"{pretrained.name} was trained on {pretrained.info.name}, but {first.name} on {first.info.name}; "
                "one page shows generators of one data set"
            )
    return first.info


def _credit(info: DatasetInfo) -> str | None:
    """Origin of the images; None for MNIST, which the template names."""
    if info.is_mnist:
        return None
    return NAMED[info.name].credit if info.name in NAMED else Path(info.name).name


def _page_classifier(info: DatasetInfo) -> DigitClassifier:
    classifier = require_classifier(info)
    if not isinstance(classifier, DigitClassifier):
        raise PalingenError(f"{info.name}: its first classifier must be of the architecture 'plain' for the page")
    return classifier


def _generator_data(
    pretrained: PretrainedGenerator, classifier: DigitClassifier
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Metadata and weights of one generator."""
    config, generator = pretrained.config, pretrained.generator.cpu()
    try:
        directions, estimator = find_directions(
            generator, config.latent_dim, lambda pixels: classifier.predict(pixels).features
        )
    except PalingenError as error:
        raise PalingenError(f"{pretrained.name}: {error}") from error
    sizes = {"latentDim": config.latent_dim, "numClasses": pretrained.num_classes}
    metadata = {
        "name": pretrained.name,
        **sizes,
        "scores": read_scores(pretrained.folder),
        "directions": [_direction(direction) for direction in directions],
        "snapshots": [{"name": name, "images": encode_gray4(pixels)} for name, pixels in read_snapshots(pretrained)],
    }
    network = {"inputSize": config.latent_dim + pretrained.num_classes, "layers": generator_layers(generator)}
    return metadata, {**sizes, "network": network, "latentEstimator": _linear_map(estimator)}


def _direction(direction: Direction) -> dict[str, Any]:
    return {
        "name": direction.name,
        "vector": [round(value, 5) for value in direction.vector.tolist()],
        "explained": direction.explained,
        "effect": direction.effect,
    }


def _linear_map(linear_map: LinearMap) -> dict[str, Any]:
    """Linear map as a network of one layer."""
    return {"layers": [linear_layer(linear_map.weight, linear_map.bias)]}


def read_snapshots(pretrained: PretrainedGenerator) -> list[tuple[str, UInt8[ndarray, "25 28 28"]]]:
    """Names and images of the snapshots, in the order of training.

    A run folder has grids of images; a shipped generator has the weights of three stages.

    Raises:
        DataError: a grid is damaged.
        RunError: the weights of a stage are missing or damaged.
    """
    if paths := [*list_snapshots(pretrained.folder).items()]:
        chosen = np.unique(np.linspace(0, len(paths) - 1, MAX_SNAPSHOTS).round().astype(int))
        return [(f"step {step:,}", _read_grid(path)) for step, path in (paths[i] for i in chosen)]
    config, inputs = pretrained.config, snapshot_inputs(pretrained.config, pretrained.num_classes)
    source = pretrained.name if pretrained.folder.parent == PRETRAINED_DIR else pretrained.folder
    names = {"start": "before training", "middle": "half way", "end": f"after {config.epochs} epochs"}
    return [
        (names[stage], generate_pixels(load_generator(source, stage).generator, inputs).numpy())
        for stage in get_args(SnapshotStage)
    ]


def _read_grid(path: Path) -> UInt8[ndarray, "25 28 28"]:
    """Images of a snapshot's grid."""
    try:
        grid = np.asarray(Image.open(path).convert("L"))[::SCALE, ::SCALE]
    except OSError as error:
        raise DataError(f"{path}: damaged ({error})") from error
    rows, cell = NUM_IMAGES // COLUMNS, IMAGE_SIZE + GAP
    if grid.shape != (rows * cell - GAP, COLUMNS * cell - GAP):
        raise DataError(f"{path}: not a grid of {rows} x {COLUMNS} images")
    padded = np.pad(grid, (0, GAP))  # a gap beside and below the last images too
    cells = padded.reshape(rows, cell, COLUMNS, cell).swapaxes(1, 2).reshape(NUM_IMAGES, cell, cell)
    return cells[:, :IMAGE_SIZE, :IMAGE_SIZE]


def read_scores(folder: Path) -> dict[str, Any] | None:
    """Scores beside the generator's weights, with those of real digits (the floor); None if it was not scored.

    Raises:
        DataError: the file is damaged.
    """
    path = folder / "score.json"
    if not path.exists():
        return None
    record = read_json(path, SCORE_FILE, advice="score the generator again")
    mean, floor = ({name: row[name] for name in METRICS} for row in (record, record["rows"]["floor"]))
    options = {name: record[name] for name in ("n", "repeats", "std")}
    floor_std, norm = record["rows"]["floor"]["std"], record["max_latent_norm"]
    return {"mean": mean, "floor": floor, "floorStd": floor_std, **options, "maxLatentNorm": norm}
