import sys
from dataclasses import replace

import pytest
import torch
from peak_memory import measure

from palingen import recipes
from palingen.gan.config import GanConfig
from palingen.gan.data.datasets import MNIST_SIZE, dataset_size, load_dataset
from palingen.gan.memory_estimate import (
    FLOATS_PER_IMAGE,
    require_classifier_memory,
    require_study_memory,
    require_training_memory,
    training_needs,
)
from palingen.gan.models import ARCHITECTURES
from palingen.gan.train import train_gan
from palingen.runtime.errors import ConfigError

FACTOR = 2.0
"""An estimate is between half and twice the measured peak."""

MEMORY = "palingen.runtime.memory.available_memory"


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")
@pytest.mark.parametrize(
    "trainings",
    [
        [{"architecture": "conv"}, {"architecture": "residual"}],
        pytest.param([{"latent_dim": 40_000}], marks=pytest.mark.torture),
        pytest.param(
            [{"architecture": "residual", "batch_size": 10, "epochs": 1, "frechet_steps": 2}], marks=pytest.mark.torture
        ),
    ],
    ids=["images", "weights", "frechet loss"],
)
def test_the_estimate_is_within_a_factor_of_two_of_the_measured_peak(few_digits, trainings):
    shared = {"data": str(few_digits), "monitor_samples": None, "epochs": 2, "batch_size": 200}
    trainings = [shared | settings for settings in trainings]
    for settings, peak in zip(trainings, measure("gan", trainings), strict=True):
        ratio = sum(need.num_bytes for need in training_needs(GanConfig(**settings), 200)) / peak
        assert 1 / FACTOR < ratio < FACTOR, (settings, peak, ratio)


def test_every_architecture_has_its_factor():
    assert set(FLOATS_PER_IMAGE) == set(ARCHITECTURES)


def test_the_size_of_a_data_set_is_known_before_it_is_loaded(few_digits):
    assert dataset_size("mnist") == MNIST_SIZE == len(load_dataset("mnist", torch.device("cpu")))
    assert dataset_size(str(few_digits)) == 200


def test_every_recipe_fits_into_a_small_machine(monkeypatch):
    monkeypatch.setattr(MEMORY, lambda device=None: 4e9)
    for config in recipes.GAN.values():
        require_training_memory(config, dataset_size(config.data))
    require_classifier_memory(128, MNIST_SIZE, 5 * 469)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"latent_dim": 10**9}, "latent_dim"),
        ({"latent_dim": 10**8, "architecture": "conv"}, "latent_dim"),
        ({"batch_size": 10**9, "architecture": "residual", "data": "stacked"}, "batch_size"),
    ],
)
def test_a_training_that_cannot_fit_is_refused_before_anything_is_written(tmp_path, fields, field):
    folder = tmp_path / "run"
    with pytest.raises(ConfigError, match=rf"needs about .* GB of memory.* are available; lower {field}$") as refusal:
        train_gan(GanConfig(**fields), folder)
    assert "\n" not in str(refusal.value)
    assert not folder.exists()


def test_a_study_needs_the_memory_of_its_largest_runs_beside_each_other(monkeypatch):
    config = GanConfig(architecture="conv")
    need = sum(need.num_bytes for need in training_needs(config, MNIST_SIZE))
    monkeypatch.setattr(MEMORY, lambda device=None: 1.1 * need)
    require_study_memory([config] * 3, MNIST_SIZE, 1)
    with pytest.raises(ConfigError, match=r"the study, 3 runs at a time, needs about .*; lower jobs or batch_size"):
        require_study_memory([config, replace(config, seed=1), config], MNIST_SIZE, 8)
