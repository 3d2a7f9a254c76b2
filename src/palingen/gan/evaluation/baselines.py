"""Baselines: scores of the controls, so that no score waits for them twice.

MNIST's are shipped for the protocol's counts of images; those of another data set are kept beside its classifier.
"""

import hashlib
from pathlib import Path
from typing import Any

from torch import Tensor

from palingen.gan.evaluation.classifier_store import store_folder
from palingen.gan.evaluation.evaluator import Evaluator, Reference
from palingen.gan.evaluation.score import ScoreSummary
from palingen.runtime.atomic_io import write_json
from palingen.runtime.json_io import damaged, read_json
from palingen.runtime.paths import PRETRAINED_DIR

ADVICE = "make it again with `palingen gan baselines`"
"""What to do about a damaged file."""


def file_name(reference: Reference) -> str:
    """Name of the file of baselines for a reference."""
    return f"baselines-{reference}.json"


def baselines(evaluator: Evaluator, count: int) -> dict[str, ScoreSummary]:
    """Scores of the controls, of `count` images each: kept ones if they are of these images and classifiers.

    Raises:
        DataError: the file of the kept ones is damaged.
    """
    scores = shipped_baselines(evaluator, count)
    if scores is None:
        scores = evaluator.controls(count)
        if not evaluator.info.is_mnist:
            write_json(_path(evaluator), as_record(evaluator, count, scores))
    return scores


def shipped_baselines(evaluator: Evaluator, count: int) -> dict[str, ScoreSummary] | None:
    """Scores of the controls from their file; None if they are of other images, classifiers or counts.

    Raises:
        DataError: the file is damaged.
    """
    path = _path(evaluator)
    if not path.exists():
        return None
    record = read_json(path, {"rows": {...: {"std": dict}}}, advice=ADVICE)
    if any(record.get(name) != value for name, value in _identity(evaluator, count).items()):
        return None
    try:
        return {name: ScoreSummary.from_row(row) for name, row in record["rows"].items()}
    except TypeError as error:
        raise damaged(path, str(error), ADVICE) from error


def _path(evaluator: Evaluator) -> Path:
    folder = PRETRAINED_DIR if evaluator.info.is_mnist else store_folder(evaluator.info)
    return folder / file_name(evaluator.reference)


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
