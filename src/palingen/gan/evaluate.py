"""Evaluation of a trained generator, or of any images, by the measuring protocol.

N  images
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import ArrayLike
from torch import Tensor

from palingen.gan.data.mnist import IMAGE_SIZE
from palingen.gan.evaluation.classifier import DigitClassifier
from palingen.gan.evaluation.evaluator import NUM_SAMPLES, Evaluator, Score, mnist_evaluator, require_count
from palingen.gan.evaluation.stacked_mnist import NUM_SAMPLES as STACKED_SAMPLES
from palingen.gan.evaluation.stacked_mnist import count_modes, read_numbers, score_real_digits
from palingen.gan.pretrained import PretrainedGenerator
from palingen.runtime.errors import DataError
from palingen.runtime.progress import progress
from palingen.runtime.validation import MAX_SEED, Interval, require, require_integer, require_seed

MAX_REPEATS = 1000
"""Most sets of latents of a score."""


@dataclass(frozen=True, kw_only=True)
class RepeatedScores:
    """Scores of one generator for several sets of latents."""

    name: str

    seed: int
    """Seed of the first set of latents; the others follow."""

    max_latent_norm: float | None
    """Maximum latent norm when sampling."""

    scores: Sequence[Score]

    @property
    def mean(self) -> Score:
        """Mean of each metric."""
        return Score(**_map_metrics(self.scores, fmean) | {"n": self.scores[0].n})

    @property
    def std(self) -> dict[str, float]:
        """Standard deviation of each metric; empty for a single set."""
        return _map_metrics(self.scores, stdev) if len(self.scores) > 1 else {}

    def as_record(self, controls: Mapping[str, Score]) -> dict[str, Any]:
        """JSON of `score.json`: mean, standard deviation, the floor's distance, and a row for each set of images."""
        rows = {self.name: self.mean, **controls}
        return {
            **asdict(self.mean),
            "fd_floor": controls["floor"].fd,
            "seed": self.seed,
            "repeats": len(self.scores),
            "max_latent_norm": self.max_latent_norm,
            "std": self.std,
            "rows": {name: asdict(row) for name, row in rows.items()},
        }


def evaluate_images(images: ArrayLike | Tensor) -> Score:
    """Score of images against MNIST's test images.

    Args:
        images: [N, 28, 28], [N, 1, 28, 28] or [N, 28, 28, 1], white digits on black: uint8 from 0 to 255, or float from
            0 to 1. N is between 5,000 and 50,000.

    Raises:
        DataError: the shape, type or range is wrong.
        ConfigError: there are too few images, or too many.
    """
    pixels = _as_pixels(images)
    evaluator = mnist_evaluator()
    return evaluator.score(evaluator.classifier.predict(pixels))


def evaluate_generator(
    generator: PretrainedGenerator, evaluator: Evaluator, count: int = NUM_SAMPLES, seed: int = 0
) -> Score:
    """Score of a generator; a class-conditional one is sampled with the class frequencies of the training images."""
    labels = generator.labels(count, seed)
    return evaluator.score(evaluator.classifier.predict(generator.pixels(count, seed, labels)), labels)


def evaluate_repeatedly(
    generator: PretrainedGenerator, evaluator: Evaluator, count: int = NUM_SAMPLES, seed: int = 0, repeats: int = 1
) -> RepeatedScores:
    """Scores of a generator for several sets of latents, since the score depends on the set."""
    require_repeats(repeats, seed)
    scores: list[Score] = []
    with progress("generated images", repeats, "repeats") as bar:
        for repeat in range(repeats):
            scores.append(evaluate_generator(generator, evaluator, count, seed + repeat))
            bar.advance(len(scores), fd=scores[-1].fd)
    return RepeatedScores(name=generator.name, seed=seed, max_latent_norm=generator.max_latent_norm, scores=scores)


def require_repeats(repeats: int, seed: int) -> None:
    """Raise ConfigError unless `repeats` seeds from `seed` on are valid."""
    require_integer("repeats", repeats, Interval(minimum=1, maximum=MAX_REPEATS))
    require_seed(seed)
    require(
        "seed", seed, seed + repeats - 1 <= MAX_SEED, f"must be at most {MAX_SEED - repeats + 1} with {repeats} repeats"
    )


def evaluate_stacked(
    generator: PretrainedGenerator, classifier: DigitClassifier, count: int = STACKED_SAMPLES, seed: int = 0
) -> dict[str, Any]:
    """JSON of `score.json` for a generator of stacked digits: modes and reverse KL, beside those of real digits."""
    pixels = generator.pixels(count, seed, None).unflatten(2, (3, -1)).transpose(1, 2)
    score, floor = count_modes(read_numbers(classifier, pixels)), score_real_digits(count)
    return {**asdict(score), "modes_floor": floor.modes, "reverse_kl_floor": floor.reverse_kl, "seed": seed}


def _as_pixels(images: ArrayLike | Tensor) -> UInt8[Tensor, "N 28 28"]:
    """Grey levels of images that a user passed, after checking them."""
    try:
        tensor = images.detach().cpu() if isinstance(images, Tensor) else torch.from_numpy(np.array(images))
    except (TypeError, ValueError) as error:
        raise DataError("images: must be one array of numbers, all images of the same size") from error
    shape = tuple(tensor.shape)
    if tensor.dim() == 4 and 1 in (shape[1], shape[3]):
        tensor = tensor.squeeze(1 if shape[1] == 1 else 3)
    if tensor.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE):
        raise DataError(f"images.shape={shape}: must be (N, {IMAGE_SIZE}, {IMAGE_SIZE}), with or without one channel")
    require_count(len(tensor))
    if tensor.dtype is torch.uint8:
        return tensor
    if not tensor.is_floating_point():
        raise DataError(f"images.dtype={str(tensor.dtype).removeprefix('torch.')}: must be uint8 or float")
    low, high = tensor.min().item(), tensor.max().item()
    if not (low >= 0 and high <= 1):  # also refuses NaN
        raise DataError(f"images: values from {low:.3g} to {high:.3g} must be between 0 and 1; rescale them")
    return (tensor.to(torch.promote_types(tensor.dtype, torch.float32)) * 255).round().to(torch.uint8)


def _map_metrics(scores: Sequence[Score], statistic: Callable[[list[float]], float]) -> dict[str, Any]:
    """A statistic of each metric; None for metrics that the scores do not have."""
    columns = {name: [asdict(score)[name] for score in scores] for name in asdict(scores[0])}
    return {name: None if None in values else statistic(values) for name, values in columns.items()}
