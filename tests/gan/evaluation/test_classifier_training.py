import signal
from dataclasses import replace
from typing import get_args

import pytest
import torch

from palingen.gan.data.mnist import load_images
from palingen.gan.evaluation import classifier_training
from palingen.gan.evaluation.classifier import accuracy
from palingen.gan.evaluation.classifier_training import ClassifierConfig, train_classifier
from palingen.gan.evaluation.second_classifier import load_second_classifier
from palingen.runtime.errors import ConfigError, DataError, Interrupted, RunError
from palingen.runtime.run_files import read_environment, read_records
from palingen.runtime.safetensors_io import load_weights

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def config(few_digits):
    """Twelve steps over 200 images."""
    return ClassifierConfig(data=str(few_digits), epochs=3, batch_size=50)


@pytest.fixture(scope="module")
def uninterrupted(config, tmp_path_factory):
    """Run folder and result of a training without interruption."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    return folder, train_classifier(config, folder, CPU)


def equal_weights(first, second):
    a, b = (load_weights(folder / "weights.safetensors") for folder in (first, second))
    return all(torch.equal(a[name], b[name]) for name in a)


def interrupt_at(monkeypatch, step):
    """Send Ctrl-C when the images of the given step are loaded."""
    to_unit, calls = classifier_training.to_unit, []

    def interrupting(pixels):
        calls.append(None)
        if len(calls) == step:
            signal.raise_signal(signal.SIGINT)
        return to_unit(pixels)

    monkeypatch.setattr(classifier_training, "to_unit", interrupting)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("shift", 5), ("shift", -1), ("epochs", 0), ("batch_size", 0), ("learning_rate", 0.0), ("seed", -1)],
        *[("rotation", 46.0), ("rotation", -1.0), ("zoom", 0.5), ("zoom", -0.1)],
    ],
)
def test_an_invalid_value_is_refused_by_field_and_value(field, value):
    with pytest.raises(ConfigError, match=rf"^{field}={value!r}: must be"):
        ClassifierConfig(**{field: value})


def test_200_images_teach_the_classifier_60_percent_of_the_test_images(tmp_path, few_digits):
    result = train_classifier(ClassifierConfig(data=str(few_digits), epochs=8, batch_size=20), tmp_path, CPU)
    assert result["accuracy"] > 0.6  # guessing gives 0.1
    steps = [record for record in read_records(tmp_path) if record["kind"] == "step"]
    assert [record["step"] for record in steps] == [50, 80]
    assert steps[1]["loss"] < steps[0]["loss"]


def test_every_architecture_of_the_config_has_a_network():
    annotation = ClassifierConfig.__annotations__["architecture"]
    assert tuple(classifier_training.ARCHITECTURES) == get_args(annotation)


@pytest.mark.parametrize("steps", range(1, 13))
def test_the_learning_rate_has_a_value_at_every_step_of_a_training_of_any_length(steps):
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], 1.0)
    schedule = classifier_training._one_cycle(optimizer, 2.0, steps)
    rates = []
    for _ in range(steps):
        rates += schedule.get_last_lr()
        optimizer.step()
        schedule.step()
    assert 0 < rates[-1] <= max(rates) <= 2
    if steps >= 5:
        assert rates[0] < 0.1 < 1 < max(rates)
        assert rates[-1] < 1e-5


def test_rotated_and_resized_digits_stay_in_range_and_keep_their_black_margin():
    config = ClassifierConfig(rotation=12.0, zoom=0.1)
    images = torch.full((50, 1, 28, 28), -1.0)
    images[:, :, 8:20, 8:20] = 1.0
    turned = classifier_training._turn_and_zoom(images, config, torch.Generator().manual_seed(0))
    assert turned.min() == -1.0
    assert turned.max() == pytest.approx(1.0)
    assert (turned[:, :, 0] == -1.0).all()
    areas = (turned > 0).sum((1, 2, 3)) / 144
    assert 0.75 < areas.min() < areas.max() < 1.3
    assert areas.std() > 0.03


def test_weights_in_half_precision_are_those_of_the_stated_accuracy(tmp_path, few_digits):
    config = ClassifierConfig(
        data=str(few_digits), architecture="residual", half_precision=True, rotation=5.0, epochs=1
    )
    result = train_classifier(config, tmp_path, CPU)
    path = tmp_path / "weights.safetensors"
    assert {tensor.dtype for tensor in load_weights(path).values()} == {torch.float16, torch.int64}
    assert accuracy(load_second_classifier(path), load_images("t10k", str(few_digits))) == result["accuracy"]


def test_an_interrupted_training_resumes_to_the_same_weights(tmp_path, config, uninterrupted, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_at(patch, 5)
        with pytest.raises(Interrupted):
            train_classifier(config, tmp_path, CPU)
    train_classifier(config, tmp_path, CPU)
    assert equal_weights(uninterrupted[0], tmp_path)


def test_other_threads_are_refused_when_resuming_unless_allowed(tmp_path, config, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_at(patch, 5)
        with pytest.raises(Interrupted):
            train_classifier(config, tmp_path, CPU)
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    with pytest.raises(RunError, match=f"threads={threads + 1}, was {threads}"):
        train_classifier(config, tmp_path, CPU)
    assert train_classifier(config, tmp_path, CPU, allow_engine_change=True)["threads"] == threads + 1


def test_the_environment_and_the_result_hold_engine_threads_and_flush_denormal(uninterrupted):
    folder, result = uninterrupted
    environment = read_environment(folder)
    expected = {"engine": "autograd", "threads": torch.get_num_threads(), "flush_denormal": True}
    assert {name: result[name] for name in expected} == expected
    assert {name: environment[name] for name in expected} == expected


def test_force_keeps_a_finished_classifier_until_the_new_one_is_known_to_be_valid(tmp_path, config, few_digits):
    folder = tmp_path / "run"
    train_classifier(replace(config, epochs=1), folder, CPU)
    (few_digits / "train-labels-idx1-ubyte.gz").rename(few_digits / "elsewhere")
    try:
        with pytest.raises(DataError):
            train_classifier(config, folder, CPU, force=True)
    finally:
        (few_digits / "elsewhere").rename(few_digits / "train-labels-idx1-ubyte.gz")
    assert load_weights(folder / "weights.safetensors")
