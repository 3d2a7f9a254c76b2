"""Evaluator for the tests of a session, whose slow parts are computed by one test process and read by the others."""

import hashlib
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from support import made_once
from torch import Tensor

from palingen.gan.data.mnist import load_images, random_order
from palingen.gan.evaluation.classifier import Classifier, ClassifierOutput, load_classifier
from palingen.gan.evaluation.classifier_pair import ClassifierPair
from palingen.gan.evaluation.controls import CONTROLS
from palingen.gan.evaluation.evaluator import Evaluator
from palingen.gan.evaluation.score import Score, ScoreSummary
from palingen.gan.evaluation.second_classifier import load_second_classifier
from palingen.runtime.atomic_io import write_json
from palingen.runtime.json_io import read_json

MANY = 5000
"""Images whose classification takes longer than reading its result."""


def share_predictions(classifier: Classifier, factory: pytest.TempPathFactory) -> Classifier:
    """Let a classifier look up the output for many images that some test has had classified before."""
    predict = classifier.predict

    def save(pixels: Tensor, folder: Path) -> None:
        save_file(vars(predict(pixels)), folder / "output.safetensors")

    def shared(pixels: Tensor) -> ClassifierOutput:
        if len(pixels) < MANY:
            return predict(pixels)
        digest = hashlib.sha256(pixels.numpy().tobytes()).hexdigest()[:16]
        folder = made_once(factory, f"{type(classifier).__name__}-{digest}", partial(save, pixels))
        return ClassifierOutput(**load_file(folder / "output.safetensors"))

    classifier.predict = shared
    return classifier


class SharedEvaluator(Evaluator):
    """Evaluator whose controls are those of the whole session."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self.factory = factory
        self._scores: dict[tuple[str, int, int], Score] = {}
        classifiers = load_classifier(), load_second_classifier()
        pair = ClassifierPair(*(share_predictions(classifier, factory) for classifier in classifiers))
        training = load_images("train").select(torch.arange(20_000))
        test = load_images("t10k")
        super().__init__(pair, test.select(random_order(len(test))), training, num_subsets=2)

    def controls(self, count: int) -> dict[str, ScoreSummary]:
        if count not in self._controls:
            folder = made_once(self.factory, f"controls-{count}", partial(self._write_controls, count))
            rows = read_json(folder / "controls.json", {...: dict})
            self._controls[count] = {name: ScoreSummary.from_row(row) for name, row in rows.items()}
        return self._controls[count]

    def _score_control(self, name: str, count: int, seed: int) -> Score:
        """Two subsets of the floor, and one of each corruption, since they take seconds."""
        key = (name, count, seed if name == CONTROLS[0] else 0)
        if key not in self._scores:
            self._scores[key] = super()._score_control(*key)
        return self._scores[key]

    def _write_controls(self, count: int, folder: Path) -> None:
        controls = super().controls(count)
        write_json(folder / "controls.json", {name: summary.as_row() for name, summary in controls.items()})
