"""Matching of features at the end of a training, on 200 images."""

from dataclasses import replace

import pytest
import torch
from palindrome_runs import assert_same_weights

from palingen.gan import feature_training, frechet_tuning
from palingen.gan.config import GanConfig
from palingen.gan.data import datasets
from palingen.gan.data.datasets import load_batch, load_dataset
from palingen.gan.data.mnist import load_images, write_images
from palingen.gan.frechet_tuning import FrechetTuning
from palingen.gan.models.feature_networks import FEATURE_NETWORKS
from palingen.gan.pretrained import load_generator
from palingen.gan.train import train_gan
from palingen.gan.trainer import GanTrainer
from palingen.runtime.distributed import ProcessGroup
from palingen.runtime.errors import DataError, Interrupted
from palingen.runtime.training_loop import TrainingLoop

CPU = torch.device("cpu")


@pytest.fixture
def small(few_digits, monkeypatch):
    monkeypatch.setattr(frechet_tuning, "FRECHET_BATCH", 40)
    monkeypatch.setattr(feature_training, "BATCH_SIZE", 20)
    monkeypatch.setattr(frechet_tuning, "START_BATCHES", 2)
    return GanConfig(
        data=str(few_digits), architecture="residual", latent_dim=8, conditional=True, penalty="r1-r2",
        loss="relativistic", ema_half_life=5, epochs=2, batch_size=32, frechet_steps=5, monitor_samples=None,
        generator_output="linear", schedule="geometric", lr_final_ratio=0.1,
    )  # fmt: skip


@pytest.fixture
def make_tuning(small):
    def make(total_steps, **settings):
        config = replace(small, **settings)
        return FrechetTuning(GanTrainer(config, load_dataset(config.data, CPU), ProcessGroup(CPU)), total_steps)

    return make


@pytest.mark.parametrize("build", FEATURE_NETWORKS)
def test_a_feature_network_maps_images_to_features_and_logits(build):
    network = build(7)
    images = torch.zeros(3, 1, 28, 28)
    assert network(images).shape == (3, 7)
    assert network.features(images).shape == (3, network.head.in_features)


def test_matching_starts_from_the_averaged_generator(make_tuning):
    tuning = make_tuning(9)
    for average in tuning.trainer.ema.network.parameters():
        average.data.add_(0.01)
    for number in range(1, 5):
        tuning.step(number)
    pairs = zip(tuning.trainer.generator.parameters(), tuning.trainer.ema.network.parameters(), strict=True)
    assert all(torch.equal(parameter, average) for parameter, average in pairs)


@pytest.mark.parametrize("name", ["residual", pytest.param("residual-unconditional", marks=pytest.mark.torture)])
def test_matching_brings_the_distance_of_a_trained_generator_down(make_tuning, name):
    shipped = load_generator(name)
    settings = {"latent_dim": shipped.config.latent_dim, "conditional": shipped.config.conditional}
    tuning = make_tuning(90, generator_output="tanh", frechet_steps=30, **settings)
    for network in (tuning.trainer.generator, tuning.trainer.ema.network):
        network.load_state_dict(shipped.generator.state_dict())
    for number in range(1, 91):
        tuning.step(number)
    relative = [float(loss.update_weight() / loss.first) for loss in tuning.losses]
    assert max(relative) < 0.9, relative


def test_the_networks_learn_the_classes(make_tuning):
    tuning = make_tuning(66, frechet_steps=5)
    for number in range(1, 61):
        tuning.step(number)
    images, labels = tuning.dataset.pixels(torch.arange(200)) / 127.5 - 1, tuning.dataset.labels
    accuracies = [(network(images).argmax(1) == labels).float().mean().item() for network in tuning.training.networks]
    assert min(accuracies) > 0.8, accuracies


def test_learning_rates_fall_to_zero_while_features_are_matched(make_tuning):
    tuning = make_tuning(9)
    assert [tuning.prepare(number) for number in (2, 4)] == [(0.5, None), (1.0, None)]
    progress, rates = zip(*map(tuning.prepare, range(5, 10)), strict=True)
    assert set(progress) == {1.0}
    assert rates[0] == pytest.approx(2e-5)  # the schedule's last
    assert list(rates) == sorted(rates, reverse=True)
    assert rates[-1] < rates[0] / 5


def test_a_training_of_no_more_steps_than_matching_steps_is_the_game_alone(small, tmp_path, capfd):
    train_gan(replace(small, frechet_steps=14), tmp_path / "short")
    assert "gan: only 14 steps, so without the last 14 with a Frechet loss\n" in capfd.readouterr().err
    train_gan(replace(small, frechet_steps=None), tmp_path / "game")
    assert_same_weights(tmp_path / "short", tmp_path / "game")


def test_a_class_with_one_image_is_refused_before_training(small, tmp_path):
    images = load_images("train", small.data)
    sevens = (images.labels == 7).nonzero().flatten()
    others = (images.labels != 7).nonzero().flatten()
    for split, indices in (("train", torch.cat([others, sevens[:1]])), ("t10k", others)):
        write_images(tmp_path / "rare", split, images.select(indices))
    rare = replace(small, data=str(tmp_path / "rare"))
    with pytest.raises(DataError, match=r"^frechet_steps=5: needs two training images of each class; .* fewer of 7$"):
        train_gan(rare, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_of_stacked_digits_the_features_of_all_channels_are_matched_together(make_tuning, monkeypatch):
    monkeypatch.setattr(datasets, "STACKED_SIZE", 600)
    tuning = make_tuning(80, data="stacked", conditional=False)
    assert (tuning.training.num_classes, tuning.training.size, tuning.training.steps) == (10, 200, 2 * 34)
    stacks = load_batch(tuning.dataset, torch.arange(3))
    for network, loss in zip(tuning.training.networks, tuning.losses, strict=True):
        features = tuning.training.features(network, stacks)
        assert features.shape == (3, *loss.mean.shape[1:])
        alone = [tuning.training.features(network, stacks[:, [channel]]) for channel in range(3)]
        torch.testing.assert_close(features, torch.cat(alone, 1))


def test_the_networks_learn_the_digits_of_stacks(make_tuning, monkeypatch):
    monkeypatch.setattr(datasets, "STACKED_SIZE", 600)
    tuning = make_tuning(73, data="stacked", conditional=False)
    for number in range(1, 69):
        tuning.step(number)
    digits = load_batch(tuning.dataset, torch.arange(200)).flatten(0, 1).unsqueeze(1)
    labels = tuning.dataset.channel_labels[:200].flatten()
    accuracies = [(network(digits).argmax(1) == labels).float().mean().item() for network in tuning.training.networks]
    assert min(accuracies) > 0.7, accuracies


@pytest.mark.parametrize("stop", [pytest.param(6, marks=pytest.mark.torture), 11], ids=["feature networks", "matching"])
def test_an_interrupted_training_ends_in_the_same_bytes(small, tmp_path, monkeypatch, stop):
    train_gan(small, tmp_path / "whole")
    should_stop = TrainingLoop._should_stop
    with monkeypatch.context() as patch:
        patch.setattr(TrainingLoop, "_should_stop", lambda loop, step, asked: step == stop)
        with pytest.raises(Interrupted):
            train_gan(small, tmp_path / "stopped")
    assert TrainingLoop._should_stop is should_stop
    train_gan(small, tmp_path / "stopped")
    for name in ("weights.safetensors", "end.safetensors"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "stopped" / name).read_bytes()
