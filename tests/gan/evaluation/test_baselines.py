import hashlib
import json

import pytest
import torch

from palingen.gan.data.mnist import load_images, random_order
from palingen.gan.evaluation import baselines as module
from palingen.gan.evaluation.baselines import as_record, baselines, shipped_baselines
from palingen.gan.evaluation.controls import control_output
from palingen.gan.evaluation.evaluator import NUM_SAMPLES, NUM_SUBSETS, mnist_evaluator
from palingen.gan.evaluation.score import summarize
from palingen.runtime.errors import DataError
from palingen.runtime.paths import PRETRAINED_DIR


def read(reference):
    return json.loads((PRETRAINED_DIR / f"baselines-{reference}.json").read_text())


@pytest.mark.parametrize("reference", ["test", "validation"])
def test_the_shipped_baselines_are_those_of_the_protocol(reference):
    record = read(reference)
    assert (record["count"], record["subsets"]) == (NUM_SAMPLES[reference], NUM_SUBSETS)
    assert record["rows"]["floor"]["n"] == NUM_SAMPLES[reference]


def test_the_spread_of_the_shipped_floor_is_that_of_ten_subsets():
    floor = read("test")["rows"]["floor"]
    assert 2.2 < floor["fd"] < 3.1  # single subsets of 10,000 training images score from 2.2 to 3.1
    assert 0.1 < floor["std"]["fd"] < 0.5


def test_the_shipped_baselines_are_of_test_images_in_random_order():
    test = load_images("t10k")
    shuffled = test.select(random_order(len(test))).pixels
    assert read("test")["sha256"]["real_images"] == hashlib.sha256(shuffled.numpy().tobytes()).hexdigest()


@pytest.mark.torture  # 25 s
def test_the_shipped_baselines_are_of_the_shipped_classifiers_and_images_and_near_a_subset_computed_again():
    evaluator = mnist_evaluator("test")
    shipped = shipped_baselines(evaluator, NUM_SAMPLES["test"])
    floor = shipped["floor"]
    images, output = evaluator.training_images, evaluator.training_output
    again = evaluator.score(control_output("floor", 10_000, images, output, evaluator.predict, seed=3))
    for metric in ("fd", "fd_second", "fd_training", "kid", "recall", "coverage", "low_confidence_fraction"):
        distance = abs(getattr(again, metric) - getattr(floor.mean, metric))
        assert 0 < distance < 2.9 * floor.std[metric], metric  # of ten numbers, none is 2.85 deviations from the mean


def test_baselines_of_other_counts_or_images_are_computed(evaluator, monkeypatch):
    assert shipped_baselines(evaluator, 10_000) is None  # it has fewer training images
    counts = []
    monkeypatch.setattr(type(evaluator), "controls", lambda self, count: counts.append(count) or {})
    assert baselines(evaluator, 6000) == {}
    assert counts == [6000]


def test_a_record_is_read_back_as_shipped_baselines(evaluator, tmp_path, monkeypatch):
    output = evaluator.training_output
    subsets = [evaluator.score(output.select(torch.arange(seed, 6000 + seed))) for seed in range(2)]
    scores = {"floor": summarize(subsets)}
    monkeypatch.setattr(module, "PRETRAINED_DIR", tmp_path)
    assert shipped_baselines(evaluator, 6000) is None
    (tmp_path / "baselines-test.json").write_text(json.dumps(as_record(evaluator, 6000, scores)))
    assert shipped_baselines(evaluator, 6000) == scores
    assert shipped_baselines(evaluator, 5000) is None


@pytest.mark.parametrize("content", ["{}", "[]", "no JSON"])
def test_damaged_baselines_are_named_in_one_line(evaluator, tmp_path, monkeypatch, content):
    monkeypatch.setattr(module, "PRETRAINED_DIR", tmp_path)
    (tmp_path / "baselines-test.json").write_text(content)
    with pytest.raises(DataError, match=r"baselines-test\.json: damaged") as refusal:
        shipped_baselines(evaluator, 6000)
    assert "\n" not in str(refusal.value)


def test_the_identity_changes_with_the_images(evaluator):
    record = as_record(evaluator, 6000, {})
    assert set(record["sha256"]) == {"classifier", "second_classifier", "real_images", "training_images"}
    test = read("test")["sha256"]
    assert record["sha256"]["real_images"] == test["real_images"]
    assert record["sha256"]["training_images"] != test["training_images"]
