"""Evaluation of a trained generator, or of any images, by the measuring protocol.

N  images      W = 100  worst images
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from jaxtyping import Int64, UInt8
from numpy.typing import ArrayLike
from torch import Tensor

from palingen.gan.data.dataset_info import MNIST_INFO, DatasetInfo
from palingen.gan.data.image_files import as_pixels, read_images
from palingen.gan.data.mnist import random_order
from palingen.gan.data.sources import load_data
from palingen.gan.evaluation.classifier import Classifier
from palingen.gan.evaluation.controls import is_control
from palingen.gan.evaluation.data_evaluator import data_evaluator
from palingen.gan.evaluation.evaluator import NUM_SAMPLES, Evaluator, Reference, default_count, require_count
from palingen.gan.evaluation.metrics import LOW_CONFIDENCE
from palingen.gan.evaluation.score import Score, ScoreSummary, summarize
from palingen.gan.evaluation.stacked_mnist import NUM_SAMPLES as STACKED_SAMPLES
from palingen.gan.evaluation.stacked_mnist import count_modes, read_numbers, score_real_digits
from palingen.gan.pretrained import PretrainedGenerator
from palingen.runtime.progress import progress
from palingen.runtime.validation import MAX_SEED, Interval, require, require_integer, require_seed

MAX_REPEATS = 1000
"""Most sets of latents of a score."""

NUM_WORST = 100
"""Images of which the classifier is least confident that are kept for the eye."""


@dataclass(frozen=True, kw_only=True)
class RepeatedScores:
    """Scores of one generator for several sets of latents, or of one set of images."""

    name: str

    scores: Sequence[Score]

    worst: UInt8[Tensor, "W 28 28"]
    """Images of the first set of which the classifier is least confident, the worst first."""

    seed: int | None = None
    """Seed of the first set of latents; the others follow. None for images of unknown origin."""

    max_latent_norm: float | None = None
    """Maximum latent norm when sampling."""

    @property
    def summary(self) -> ScoreSummary:
        """Mean and standard deviation of each metric."""
        return summarize(self.scores)

    @property
    def row_name(self) -> str:
        """Name among those of the controls, which it must not equal."""
        return f"{self.name} (images)" if is_control(self.name) else self.name

    def as_record(self, controls: Mapping[str, ScoreSummary], evaluator: Evaluator) -> dict[str, Any]:
        """JSON of `score.json`: mean, standard deviation, the floor, and a row for each set of images."""
        summary, floor = self.summary, controls["floor"]
        return {
            **asdict(summary.mean),
            "fd_floor": floor.mean.fd,
            "fd_floor_std": floor.std.get("fd"),
            "floor_subsets": evaluator.num_subsets if floor.std else 1,
            "fd_ratio": summary.mean.fd / floor.mean.fd,
            "fd_second_floor": floor.mean.fd_second,
            "fd_second_floor_std": floor.std.get("fd_second"),
            "low_confidence_threshold": LOW_CONFIDENCE,
            "low_confidence_reference": evaluator.low_confidence_fraction,
            "reference": evaluator.reference,
            "seed": self.seed,
            "repeats": len(self.scores),
            "max_latent_norm": self.max_latent_norm,
            "std": dict(summary.std),
            "rows": {name: row.as_row() for name, row in {self.row_name: summary, **controls}.items()},
        }


def evaluate_images(
    images: ArrayLike | Tensor | str | Path, reference: Reference = "test", data: str | Path = "mnist"
) -> Score:
    """Score of images against those of a data set, by default MNIST.

    Args:
        images: [N, 28, 28], [N, 1, 28, 28] or [N, 28, 28, 1], white digits on black: uint8 from 0 to 255, or float from
            0 to 1. Or an `.npy` or `.npz` file of such an array, or a folder of pictures of 28 x 28 pixels. N is from
            5,000 to 50,000, and to 30,000 on the validation part.
        reference: images to compare with: `test`, to report; `validation`, a part of the training images, to choose.
        data: data set to compare with: a name or a path, for which a classifier was trained.

    Raises:
        DataError: the shape, type or range is wrong, a file is missing or damaged, or there is no classifier.
        ConfigError: there are too few images, or too many, or the reference is unknown.
    """
    require(
        "reference", reference, reference in get_args(Reference), f"must be one of {', '.join(get_args(Reference))}"
    )
    pixels = read_images(Path(images)) if isinstance(images, str | Path) else as_pixels(images)
    info = MNIST_INFO if data == "mnist" else load_data(str(data)).info
    if info.is_mnist:
        require_count(len(pixels), reference)  # before the real images are classified
    evaluator = data_evaluator(info, reference)
    require_count(len(pixels), reference, None if info.is_mnist else evaluator)
    return evaluator.score(evaluator.predict(_shuffled(pixels)))


def evaluate_pixels(pixels: UInt8[Tensor, "N 28 28"], evaluator: Evaluator, name: str) -> RepeatedScores:
    """Score of one set of images, with the worst of them."""
    score, worst = _score_with_worst(_shuffled(pixels), evaluator, None)
    return RepeatedScores(name=name, scores=[score], worst=worst)


def _shuffled(pixels: UInt8[Tensor, "N 28 28"]) -> UInt8[Tensor, "N 28 28"]:
    """Images in random order: some metrics compare blocks of images, and files may be in the order of their classes."""
    return pixels[random_order(len(pixels))]


def evaluate_generator(
    generator: PretrainedGenerator, evaluator: Evaluator, count: int | None = None, seed: int = 0
) -> Score:
    """Score of a generator; a class-conditional one is sampled with the class frequencies of the training images.

    Args:
        generator: the generator.
        evaluator: evaluator of the data set that it was trained on.
        count: number of images; by default that of the protocol, or as many as a small data set allows.
        seed: seed of the latents.
    """
    count = default_count(evaluator) if count is None else count
    return evaluate_repeatedly(generator, evaluator, count, seed).scores[0]


def evaluate_repeatedly(
    generator: PretrainedGenerator,
    evaluator: Evaluator,
    count: int = NUM_SAMPLES["test"],
    seed: int = 0,
    repeats: int = 1,
) -> RepeatedScores:
    """Scores of a generator for several sets of latents, since the score depends on the set."""
    require_repeats(repeats, seed)
    scores: list[Score] = []
    worst: list[Tensor] = []
    with progress("generated images", repeats, "repeats") as bar:
        for set_seed in range(seed, seed + repeats):
            labels = generator.labels(count, set_seed)
            pixels = generator.pixels(count, set_seed, labels)
            requested = _classes_of_evaluator(labels, generator.info, evaluator.info)
            score, least_confident = _score_with_worst(pixels, evaluator, requested)
            scores.append(score)
            worst.append(least_confident)
            bar.advance(len(scores), fd=score.fd)
    return RepeatedScores(
        name=generator.name, scores=scores, worst=worst[0], seed=seed, max_latent_norm=generator.max_latent_norm
    )


def _classes_of_evaluator(
    labels: Int64[Tensor, " N"] | None, own: DatasetInfo, other: DatasetInfo
) -> Int64[Tensor, " N"] | None:
    """Requested classes as positions in another data set; None if it does not have all of the generator's classes."""
    if labels is None or own.class_names == other.class_names:
        return labels
    if not {*own.class_names} <= {*other.class_names}:
        return None
    return torch.tensor([other.class_names.index(name) for name in own.class_names])[labels]


def require_repeats(repeats: int, seed: int) -> None:
    """Raise ConfigError unless `repeats` seeds from `seed` on are valid."""
    require_integer("repeats", repeats, Interval(minimum=1, maximum=MAX_REPEATS))
    require_seed(seed)
    require(
        "seed", seed, seed + repeats - 1 <= MAX_SEED, f"must be at most {MAX_SEED - repeats + 1} with {repeats} repeats"
    )


def evaluate_stacked(
    generator: PretrainedGenerator, classifier: Classifier, count: int = STACKED_SAMPLES, seed: int = 0
) -> dict[str, Any]:
    """JSON of `score.json` for a generator of stacked digits: modes and reverse KL, beside those of real digits."""
    pixels = generator.pixels(count, seed, None).unflatten(2, (3, -1)).transpose(1, 2)
    score, floor = count_modes(read_numbers(classifier, pixels)), score_real_digits(count)
    return {**asdict(score), "modes_floor": floor.modes, "reverse_kl_floor": floor.reverse_kl, "seed": seed}


def _score_with_worst(
    pixels: UInt8[Tensor, "N 28 28"], evaluator: Evaluator, labels: Int64[Tensor, " N"] | None
) -> tuple[Score, UInt8[Tensor, "W 28 28"]]:
    """Score of images, and those of which the classifier is least confident, the worst first."""
    output = evaluator.predict(pixels)
    order = output.first.probabilities.max(1).values.argsort(stable=True)
    return evaluator.score(output, labels), pixels[order[:NUM_WORST]]
