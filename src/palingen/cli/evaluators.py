"""Evaluators as the commands choose them: by data set, real images to compare with, and number of images."""

import sys
from collections.abc import Mapping
from typing import Annotated

from cyclopts import Parameter

from palingen.cli.score_table import print_scores
from palingen.gan.data.dataset_info import MNIST_INFO, DatasetInfo
from palingen.gan.data.sources import load_data
from palingen.gan.evaluation.controls import CONTROLS
from palingen.gan.evaluation.data_evaluator import data_evaluator
from palingen.gan.evaluation.evaluator import (
    MIN_SAMPLES,
    NUM_SAMPLES,
    Evaluator,
    Reference,
    default_count,
    mnist_evaluator,
    require_count,
)
from palingen.gan.evaluation.score import ScoreSummary

ReferenceFlag = Annotated[
    Reference,
    Parameter(
        help="Real images to compare with: test, to report; or validation, a part of the training images, to choose."
    ),
]


def identify(data: str | None) -> DatasetInfo:
    """Identity of a data set; MNIST if none is named."""
    return MNIST_INFO if data in (None, "mnist") else load_data(data).info


def open_evaluator(info: DatasetInfo, reference: Reference, count: int | None) -> tuple[Evaluator, int]:
    """Evaluator for a data set, and the number of images of a score, which is checked.

    Raises:
        ConfigError: there are too few images, or too many.
        DataError: there is no classifier for the data set, or its images are missing.
    """
    if info.is_mnist:
        count = NUM_SAMPLES[reference] if count is None else count
        require_count(count, reference)  # before the real images are classified
        return mnist_evaluator(reference), count
    evaluator = data_evaluator(info, reference)
    count = default_count(evaluator) if count is None else count
    require_count(count, reference, evaluator)
    if len(evaluator.real_images) < MIN_SAMPLES:
        few = f"only {len(evaluator.real_images):,} images to compare with"
        print(f"score: {few}, so distances are large even for real ones; compare with the floor", file=sys.stderr)
    return evaluator, count


def print_table(scores: Mapping[str, ScoreSummary], evaluator: Evaluator, count: int) -> None:
    """Print scores of images, with those of the controls or alone."""
    images = "test images" if evaluator.reference == "test" else "images of the validation part"
    name, *_ = scores
    kind = "real images" if name == CONTROLS[0] else name
    title = f"{kind}: {count} images against {len(evaluator.real_images)} {images}"
    print_scores(scores, title, evaluator.low_confidence_fraction, evaluator.info.num_classes)
