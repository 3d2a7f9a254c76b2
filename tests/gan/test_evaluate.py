import json
from dataclasses import asdict, fields

import numpy as np
import pytest
import torch

from palingen.gan import evaluate
from palingen.gan.config import GanConfig, build_networks
from palingen.gan.data.mnist import load_images, random_order
from palingen.gan.evaluate import (
    evaluate_generator,
    evaluate_images,
    evaluate_pixels,
    evaluate_repeatedly,
    evaluate_stacked,
)
from palingen.gan.evaluation.classifier import load_classifier
from palingen.gan.evaluation.score import Score, summarize
from palingen.gan.evaluation.stacked_mnist import score_real_digits
from palingen.gan.pretrained import PretrainedGenerator, load_generator
from palingen.runtime.errors import ConfigError, DataError
from palingen.runtime.paths import PRETRAINED_DIR

COUNT = 5000


def make_score(value, **others):
    return Score(**{field.name: value for field in fields(Score)} | {"n": COUNT, "class_accuracy": None} | others)


class PixelRecorder:
    """Evaluator that records the pixels it is given."""

    def predict(self, pixels):
        self.pixels = pixels
        return pixels

    def score(self, output):
        return make_score(0.0)


@pytest.fixture
def recorder(monkeypatch):
    recorder = PixelRecorder()
    monkeypatch.setattr(evaluate, "data_evaluator", lambda info, reference: recorder)
    return recorder


@pytest.fixture(scope="module")
def pixels():
    """Grey levels, every one of them."""
    return torch.randint(256, (COUNT, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def conditional():
    """Untrained class-conditional generator."""
    config = GanConfig(conditional=True, latent_dim=8)
    return PretrainedGenerator("untrained", build_networks(config)[0].eval(), config, PRETRAINED_DIR)


def test_images_have_the_score_of_the_generator_that_made_them(evaluator, monkeypatch):
    monkeypatch.setattr(evaluate, "data_evaluator", lambda info, reference: evaluator)
    generator = load_generator("course")
    scores = evaluate_generator(generator, evaluator, COUNT, seed=3), evaluate_images(generator.sample(COUNT, seed=3))
    expected, score = ({name: value for name, value in asdict(score).items() if value is not None} for score in scores)
    for name in ("kid", "nearest_train_ratio"):  # of blocks of images, which the order decides
        assert score.pop(name) == pytest.approx(expected.pop(name), rel=0.1)
    assert score == pytest.approx(expected, rel=1e-4)


def test_images_in_the_order_of_their_classes_have_the_score_of_the_same_images_in_another(evaluator, monkeypatch):
    monkeypatch.setattr(evaluate, "data_evaluator", lambda info, reference: evaluator)
    images = load_images("train").select(torch.arange(COUNT))
    mixed, ordered = (evaluate_images(images.pixels[order]) for order in (torch.arange(COUNT), images.labels.argsort()))
    assert ordered.kid < mixed.kid + 20
    assert ordered.nearest_train_ratio == pytest.approx(mixed.nearest_train_ratio, abs=0.1)


def test_images_that_are_named_like_a_control_have_a_row_of_their_own(scored, pixels):
    controls = {"floor": summarize([make_score(2.0)]), "noise": summarize([make_score(9.0)])}
    record = evaluate_pixels(pixels[:100], scored, "noise").as_record(controls, scored)
    assert list(record["rows"]) == ["noise (images)", "floor", "noise"]
    assert record["rows"]["noise (images)"]["fd"] == record["fd"]


@pytest.mark.parametrize(
    "convert",
    [
        lambda pixels: pixels,
        lambda pixels: pixels.numpy(),
        lambda pixels: pixels.unsqueeze(1),
        lambda pixels: pixels.numpy()[..., None],
        lambda pixels: pixels.float() / 255,
        lambda pixels: (pixels.double() / 255).unsqueeze(3),
        lambda pixels: pixels.numpy().astype(np.float32)[:, None] / 255,
        lambda pixels: (pixels.float() / 255).requires_grad_(),
        lambda pixels: pixels.half() / 255,
        lambda pixels: list((pixels / 255).numpy()),
    ],
    ids=[
        "uint8 tensor",
        "uint8 array",
        "uint8 with channel first",
        "uint8 with channel last",
        "float tensor",
        "double with channel last",
        "float array with channel first",
        "float with gradient",
        "half precision",
        "list of arrays",
    ],
)
def test_images_of_every_accepted_form_are_the_same_pixels(recorder, pixels, convert):
    evaluate_images(convert(pixels))
    assert torch.equal(recorder.pixels, pixels[random_order(len(pixels))])


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(COUNT, 28, 27), r"^images.shape=\(5000, 28, 27\): must be \(N, 28, 28\)"),
        (torch.zeros(COUNT, 3, 28, 28), r"^images.shape=\(5000, 3, 28, 28\): must be"),
        (torch.zeros(COUNT, 784), r"^images.shape=\(5000, 784\): must be"),
        (torch.zeros(28, 28), r"^images.shape=\(28, 28\): must be"),
        (torch.zeros(0, 28, 28), r"^images.shape=\(0, 28, 28\): must be"),
        (torch.zeros(()), r"^images.shape=\(\): must be"),
        (torch.zeros(COUNT, 28, 28, dtype=torch.int64), r"^images.dtype=int64: must be uint8 or float$"),
        (torch.zeros(COUNT, 28, 28, dtype=torch.bool), r"^images.dtype=bool: must be uint8 or float$"),
        (torch.full((COUNT, 28, 28), 255.0), "^images: values from 255 to 255 must be between 0 and 1; rescale them$"),
        (torch.full((COUNT, 28, 28), -1.0), "^images: values from -1 to -1 must be between 0 and 1; rescale them$"),
        (torch.full((COUNT, 28, 28), torch.nan), "^images: values from nan to nan must be between 0 and 1"),
        ([[1.0], [2.0, 3.0]], "^images: must be one array of numbers"),
        (["a", "b"], "^images: must be one array of numbers"),
    ],
)
def test_images_of_another_shape_type_or_range_are_refused_in_one_line(images, message):
    with pytest.raises(DataError, match=message) as refusal:
        evaluate_images(images)
    assert "\n" not in str(refusal.value)


def test_the_images_of_a_file_are_scored(recorder, pixels, tmp_path):
    np.save(tmp_path / "images.npy", pixels.numpy())
    for path in (tmp_path / "images.npy", str(tmp_path / "images.npy")):
        recorder.pixels = None
        evaluate_images(path)
        assert torch.equal(recorder.pixels, pixels[random_order(len(pixels))])


@pytest.mark.parametrize(("count", "rule"), [(4999, "at least 5000"), (50_001, "at most 50000")])
def test_too_few_or_too_many_images_are_refused(count, rule):
    with pytest.raises(ConfigError, match=f"^count={count}: must be {rule}"):
        evaluate_images(np.broadcast_to(np.uint8(0), (count, 28, 28)))


def test_the_validation_part_takes_fewer_images():
    with pytest.raises(ConfigError, match=r"^count=30001: must be at most 30000"):
        evaluate_images(np.broadcast_to(np.uint8(0), (30_001, 28, 28)), reference="validation")


@pytest.fixture
def scored(evaluator, monkeypatch):
    """Evaluator whose scores are 1, 2, ... without being computed; the labels of each are recorded."""
    labels = []

    def score(output, requested=None):
        labels.append(requested)
        return make_score(float(len(labels)))

    monkeypatch.setattr(evaluator, "score", score)
    evaluator.recorded_labels = labels
    return evaluator


def test_a_conditional_generator_is_sampled_with_the_class_frequencies_of_the_training_images(scored, conditional):
    conditional.generator.class_frequencies.copy_(torch.eye(10)[7])
    evaluate_generator(conditional, scored, count=20)
    assert scored.recorded_labels[0].tolist() == [7] * 20


def test_repeated_scores_are_those_of_consecutive_seeds(scored, conditional, monkeypatch):
    seeds = []
    pixels = PretrainedGenerator.pixels
    monkeypatch.setattr(
        PretrainedGenerator,
        "pixels",
        lambda self, count, seed, labels: seeds.append(seed) or pixels(self, count, seed, labels),
    )
    scores = evaluate_repeatedly(conditional.with_max_latent_norm(0.9), scored, 200, seed=4, repeats=3)
    assert seeds == [4, 5, 6]
    assert (scores.summary.mean.fd, scores.summary.std["fd"]) == (2.0, 1.0)
    assert (scores.name, scores.seed, scores.max_latent_norm) == ("untrained", 4, 0.9)


def test_the_worst_images_are_those_of_the_lowest_confidence_the_worst_first(scored):
    pixels = load_images("t10k").pixels[:400]
    worst = evaluate_pixels(pixels, scored, "images").worst
    confidences = scored.classifier.probabilities(worst).max(1).values
    assert len(worst) == 100
    assert (confidences.diff() >= -1e-5).all()
    assert confidences.max() <= scored.classifier.probabilities(pixels).max(1).values.sort().values[100] + 1e-5


def test_no_repeats_are_refused(evaluator, conditional):
    with pytest.raises(ConfigError, match=r"^repeats=0: must be at least 1$"):
        evaluate_repeatedly(conditional, evaluator, repeats=0)


def test_a_score_record_has_the_keys_of_the_shipped_ones(scored, conditional):
    floor = summarize([make_score(2.0), make_score(4.0)])
    controls = {"floor": floor, "blur": summarize([make_score(9.0)])}
    record = evaluate_repeatedly(conditional, scored, 200, repeats=3).as_record(controls, scored)
    shipped = json.loads((PRETRAINED_DIR / "residual" / "score.json").read_text())
    assert list(record) == list(shipped)
    assert list(record["rows"]) == ["untrained", "floor", "blur"]
    assert list(record["rows"]["floor"]) == list(shipped["rows"]["floor"])
    assert (record["fd_floor"], record["fd_ratio"]) == (3, 2 / 3)
    assert record["fd_floor_std"] == pytest.approx(2**0.5)
    assert 0.005 < record["low_confidence_reference"] < 0.05
    json.dumps(record)


def test_images_of_unknown_origin_have_neither_seed_nor_maximum_norm(scored, pixels):
    record = evaluate_pixels(pixels[:100], scored, "others").as_record({"floor": summarize([make_score(2.0)])}, scored)
    assert (record["seed"], record["max_latent_norm"], record["repeats"], record["std"]) == (None, None, 1, {})
    assert record["fd_floor_std"] is None


def test_stacked_digits_are_scored_by_their_modes_beside_those_of_real_digits():
    config = GanConfig(data="stacked", latent_dim=8)
    generator = PretrainedGenerator("untrained", build_networks(config)[0].eval(), config, PRETRAINED_DIR)
    record = evaluate_stacked(generator, load_classifier(), count=300, seed=2)
    floor = score_real_digits(300)
    assert (record["n"], record["seed"]) == (300, 2)
    assert 1 <= record["modes"] < record["modes_floor"] == floor.modes
    assert record["reverse_kl"] > record["reverse_kl_floor"] == floor.reverse_kl
