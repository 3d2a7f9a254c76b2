import pytest
import torch
from torch import nn

from palingen.adversarial.examples import load_examples
from palingen.adversarial.experiment import GanRun
from palingen.adversarial.watch import Watch, due
from palingen.runs import open_run, read_records


class Constant(nn.Module):
    """A generator that has collapsed to the first training image."""

    def __init__(self, image):
        super().__init__()
        self.image = nn.Parameter(image)

    def forward(self, latents):
        return self.image.expand(len(latents), 1, 28, 28)


class Memory(nn.Module):
    """A generator that draws the training images in their order."""

    def __init__(self, images):
        super().__init__()
        self.images = nn.Parameter(images)

    def forward(self, latents):
        return self.images[: len(latents)]


@pytest.fixture
def watch(few_digits):
    config = GanRun(data=str(few_digits), watch_samples=200)
    return Watch(config, load_examples(config.data, torch.device("cpu")))


def looked(watch, generator, folder, epoch):
    with open_run(folder, watch.config) as run:
        watch.look(run, generator, epoch)
    return read_records(folder)[-1]


def real(watch):
    return watch.examples.pixels(watch.chosen).float() / 127.5 - 1


def test_a_collapsed_generator_raises_the_alarm_by_the_classes_that_are_gone(watch, tmp_path, capsys):
    record = looked(watch, Constant(real(watch)[:1]), tmp_path, epoch=10)
    assert record["class_tv"] > 0.8
    assert record["coverage"] < 0.1
    alarm = capsys.readouterr().err
    assert alarm.startswith("gan: alarm after epoch 10: hardly any ")
    assert alarm.count("\n") == 1


def test_the_training_images_themselves_raise_none(watch, tmp_path, capsys):
    record = looked(watch, Memory(real(watch)), tmp_path, epoch=10)
    assert record["fd"] == pytest.approx(0, abs=1e-3)
    assert (record["coverage"], record["class_tv"]) == (1, 0)
    assert capsys.readouterr().err == ""


def test_the_first_epochs_raise_no_alarm(watch, tmp_path, capsys):
    looked(watch, Constant(real(watch)[:1]), tmp_path, epoch=2)
    assert capsys.readouterr().err == ""


def test_looks_grow_rarer_and_the_last_epoch_is_always_seen():
    assert [epoch for epoch in range(1, 121) if due(epoch, 120)] == [1, 2, 5, 10, 20, 50, 100, 120]
