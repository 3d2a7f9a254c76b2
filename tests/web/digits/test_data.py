"""Data of the digits page."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from palingen.gan.evaluation.classifier import load_classifier
from palingen.gan.pretrained import load_generator
from palingen.gan.sampling.directions import find_directions
from palingen.gan.sampling.latents import generate_pixels, sample_latents
from palingen.gan.sampling.snapshots import read_snapshots
from palingen.runtime.errors import DataError
from palingen.runtime.paths import PRETRAINED_DIR
from palingen.web.digits import data as digits
from palingen.web.digits.training_digits import NUM_TRAINING_DIGITS, training_digits


@pytest.fixture
def copied_run(run_folder, tmp_path):
    """Copy of a run folder that a test may damage."""
    return shutil.copytree(run_folder, tmp_path / "run")


def test_snapshots_of_a_run_are_the_images_of_its_grids(run_folder):
    snapshots, stages = digits.read_snapshots(load_generator(run_folder)), read_snapshots(run_folder)
    assert [name for name, _ in snapshots] == ["step 0", "step 5", "step 6", "step 10", "step 13"]
    for index, stage in ((0, "start"), (2, "middle"), (4, "end")):
        np.testing.assert_array_equal(snapshots[index][1], stages[stage])


def test_a_copy_of_a_snapshot_that_was_made_by_hand_is_left_out(copied_run):
    folder = copied_run / "snapshots"
    shutil.copy(folder / "step-0000000.png", folder / "step-0000000-copy.png")
    names = [name for name, _ in digits.read_snapshots(load_generator(copied_run))]
    assert names == ["step 0", "step 5", "step 6", "step 10", "step 13"]


def test_snapshots_of_a_shipped_generator_are_its_three_stages():
    names = [name for name, _ in digits.read_snapshots(load_generator("course"))]
    assert names == ["before training", "half way", "after 200 epochs"]


def test_at_most_40_snapshots_are_shown_the_first_and_the_last_among_them(copied_run):
    for step in range(100, 200):
        shutil.copy(copied_run / "end.png", copied_run / "snapshots" / f"step-{step:07d}.png")
    names = [name for name, _ in digits.read_snapshots(load_generator(copied_run))]
    assert len(names) == 40
    assert (names[0], names[-1]) == ("step 0", "step 199")


@pytest.mark.parametrize(
    ("content", "message"), [(b"no image", "damaged"), (np.zeros((9, 9), np.uint8), "not a grid of 5 x 5 images")]
)
def test_a_damaged_grid_is_named(copied_run, content, message):
    path = copied_run / "snapshots" / "step-0000005.png"
    path.write_bytes(content) if isinstance(content, bytes) else Image.fromarray(content).save(path)
    with pytest.raises(DataError, match=f"step-0000005.png: {message}"):
        digits.read_snapshots(load_generator(copied_run))


@pytest.mark.parametrize("content", ["{}", "[]", "no JSON", '{"rows": {"floor": {}}}'])
def test_damaged_scores_are_named(tmp_path, content):
    (tmp_path / "score.json").write_text(content)
    with pytest.raises(DataError, match=r"score.json: damaged"):
        digits.read_scores(tmp_path)


def test_a_generator_without_scores_has_none(tmp_path):
    assert digits.read_scores(tmp_path) is None


def test_scores_are_those_beside_the_weights():
    record = json.loads((PRETRAINED_DIR / "residual" / "score.json").read_text())
    scores = digits.read_scores(PRETRAINED_DIR / "residual")
    assert scores["mean"]["fd"] == record["fd"]
    assert scores["floor"]["fd"] == record["rows"]["floor"]["fd"]
    assert scores["std"] == record["std"]
    assert scores["floorStd"]["fd"] == record["fd_floor_std"]
    assert scores["maxLatentNorm"] == record["max_latent_norm"]


def test_training_digits_are_equally_many_of_each_class():
    training = training_digits()
    assert len(training.pixels) == NUM_TRAINING_DIGITS
    assert np.bincount(training.labels).tolist() == [100] * 10
    assert 0 < training.median_test_distance < 1


def test_the_latent_estimate_is_nearer_to_unseen_images_than_other_samples_are():
    course, classifier = load_generator("course"), load_classifier()
    features_of = lambda pixels: classifier.predict(pixels).features  # noqa: E731
    _, estimator = find_directions(course.generator, course.config.latent_dim, features_of)
    pixels = generate_pixels(course.generator, sample_latents(500, 100, seed=9))
    estimates = features_of(pixels) @ estimator.weight.T + estimator.bias
    difference = lambda images: (pixels.float() - images.float()).square().mean()  # noqa: E731
    other = difference(torch.roll(pixels, 1, 0))
    assert difference(generate_pixels(course.generator, estimates)) < 0.6 * other
