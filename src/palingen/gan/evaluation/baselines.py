"""Baselines: scores of the controls, shipped for the protocol's counts of images so that no score waits for them."""

import hashlib
from typing import Any

from torch import Tensor

from palingen.gan.evaluation.evaluator import Evaluator, Reference
from palingen.gan.evaluation.score import ScoreSummary
from palingen.runtime.json_io import damaged, read_json
from palingen.runtime.paths import PRETRAINED_DIR

ADVICE = "make it again with `palingen gan baselines`"
"""What to do about a damaged file."""


def file_name(reference: Reference) -> str:
    """Name of the file of baselines for a reference."""
    return f"baselines-{reference}.json"


def baselines(evaluator: Evaluator, count: int) -> dict[str, ScoreSummary]:
    """Scores of the controls, of `count` images each: shipped ones if they are of these images and classifiers.

    Raises:
        DataError: the shipped file is damaged.
    """
    return shipped_baselines(evaluator, count) or evaluator.controls(count)


def shipped_baselines(evaluator: Evaluator, count: int) -> dict[str, ScoreSummary] | None:
    """Scores of the controls from the shipped file; None if they are of other images, classifiers or counts.

    Raises:
        DataError: the file is damaged.
    """
    path = PRETRAINED_DIR / file_name(evaluator.reference)
    if not path.exists():
        return None
    record = read_json(path, {"rows": {...: {"std": dict}}}, advice=ADVICE)
    if any(record.get(name) != value for name, value in _identity(evaluator, count).items()):
        return None
    try:
        return {name: ScoreSummary.from_row(row) for name, row in record["rows"].items()}
    except TypeError as error:
        raise damaged(path, str(error), ADVICE) from error


def as_record(evaluator: Evaluator, count: int, scores: dict[str, ScoreSummary]) -> dict[str, Any]:
    """JSON of baselines: what they depend on, and a row for each control."""
    rows = {name: summary.as_row() for name, summary in scores.items()}
    return {**_identity(evaluator, count), "rows": rows}


def _identity(evaluator: Evaluator, count: int) -> dict[str, Any]:
    """Everything that the scores of the controls depend on."""
    return {
        "reference": evaluator.reference,
        "count": count,
        "subsets": evaluator.num_subsets,
        "sha256": {
            **evaluator.classifiers.hashes(),
            "real_images": _hash_pixels(evaluator.real_images.pixels),
            "training_images": _hash_pixels(evaluator.training_images.pixels),
        },
    }


def _hash_pixels(pixels: Tensor) -> str:
    return hashlib.sha256(pixels.numpy().tobytes()).hexdigest()
