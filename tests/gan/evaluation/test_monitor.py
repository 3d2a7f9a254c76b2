import pytest
import torch
from torch import nn

from palingen.gan.config import MIN_MONITOR_SAMPLES, GanConfig
from palingen.gan.data.datasets import StackedMnist, load_batch, load_dataset
from palingen.gan.data.mnist import load_images
from palingen.gan.evaluation.classifier import load_classifier
from palingen.gan.evaluation.monitor import Monitor, is_monitor_epoch

CPU = torch.device("cpu")


class Collapsed(nn.Module):
    """Generator of a single image."""

    def __init__(self, image):
        super().__init__()
        self.image = nn.Parameter(image)

    def forward(self, latents):
        return self.image.expand(len(latents), 1, 28, 28)


class Replay(nn.Module):
    """Generator of given images, in their order."""

    def __init__(self, images):
        super().__init__()
        self.images = nn.Parameter(images)

    def forward(self, latents):
        return self.images[: len(latents)]


@pytest.fixture(scope="module")
def monitor(few_digits):
    config = GanConfig(data=str(few_digits), monitor_samples=200)
    return Monitor(config, load_dataset(config.data, CPU), 200, load_classifier())


@pytest.fixture(scope="module")
def real(monitor):
    """Training images that the monitor compares with."""
    return load_batch(monitor.dataset, monitor.indices)


def test_a_collapsed_generator_is_warned_of_in_one_line_with_the_lost_classes(monitor, real, capsys):
    metrics = monitor.evaluate(Collapsed(real[:1]), epoch=10)
    assert metrics["class_tv"] > 0.8
    assert metrics["coverage"] < 0.1
    warning = capsys.readouterr().err
    assert warning.startswith("gan: warning after epoch 10: hardly any ")
    assert warning.count("\n") == 1
    label = monitor.dataset.labels[monitor.indices[0]].item()
    names = warning.removeprefix("gan: warning after epoch 10: hardly any ").partition(" in 200 images")[0]
    assert names.split(", ") == [str(digit) for digit in range(10) if digit != label]


def test_the_training_images_themselves_are_perfect_and_give_no_warning(monitor, real, capsys):
    metrics = monitor.evaluate(Replay(real), epoch=10)
    assert (metrics["n"], metrics["against"]) == (200, "training images")
    assert metrics["fd"] == pytest.approx(0, abs=1e-3)
    assert (metrics["coverage"], metrics["recall"], metrics["class_tv"]) == (1, 1, 0)
    assert capsys.readouterr().err == ""


def test_the_first_epochs_give_no_warning(monitor, real, capsys):
    monitor.evaluate(Collapsed(real[:1]), epoch=4)
    assert capsys.readouterr().err == ""
    monitor.evaluate(Collapsed(real[:1]), epoch=5)
    assert capsys.readouterr().err != ""


def test_stacked_digits_are_monitored_by_their_modes():
    config = GanConfig(data="stacked", monitor_samples=100)
    dataset = StackedMnist(load_images("t10k"), CPU, count=300)
    monitor = Monitor.create(config, dataset)
    metrics = monitor.evaluate(Replay(load_batch(dataset, monitor.indices)), epoch=1)
    distinct = len(dataset.labels[monitor.indices].unique())
    assert metrics["n"] == 100
    assert metrics["modes"] == pytest.approx(distinct, abs=3)  # a digit of a hundred is misread
    assert metrics["reverse_kl"] > 0


@pytest.mark.parametrize("samples", [None, 100])
def test_there_is_no_monitor_when_it_is_off_or_there_are_too_few_images(samples):
    dataset = StackedMnist(load_images("t10k"), CPU, count=MIN_MONITOR_SAMPLES - 1)
    assert Monitor.create(GanConfig(monitor_samples=samples), dataset) is None


def test_a_conditional_generator_is_monitored_with_the_classes_of_the_training_images(few_digits):
    config = GanConfig(data=str(few_digits), conditional=True, latent_dim=8)
    monitor = Monitor.create(config, load_dataset(config.data, CPU))
    assert torch.equal(monitor.inputs[:, 8:].argmax(1), monitor.dataset.labels[monitor.indices])


def test_monitored_epochs_grow_rarer_and_include_the_last():
    assert [epoch for epoch in range(1, 122) if is_monitor_epoch(epoch, 121)] == [1, 2, 5, 10, 20, 50, 100, 121]
