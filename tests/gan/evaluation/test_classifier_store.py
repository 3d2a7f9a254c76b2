import dataclasses
import shutil

import pytest
import torch

from palingen.gan.config import GanConfig
from palingen.gan.data.dataset_info import MNIST_INFO, DatasetInfo
from palingen.gan.data.datasets import load_dataset
from palingen.gan.data.sources import load_data
from palingen.gan.evaluation.classifier import DigitClassifier, accuracy
from palingen.gan.evaluation.classifier_store import find_classifier, require_classifier, store_folder
from palingen.gan.evaluation.classifier_training import ClassifierConfig, scale_epochs
from palingen.gan.evaluation.data_evaluator import data_evaluator, require_evaluator
from palingen.gan.evaluation.evaluator import MIN_OTHER_SAMPLES, Evaluator, default_count, require_count
from palingen.gan.evaluation.monitor import Monitor
from palingen.gan.evaluation.second_classifier import ResidualClassifier
from palingen.runtime.errors import ConfigError, DataError


@pytest.fixture
def info(shapes, shapes_run, monkeypatch):
    """Identity of the shapes, with their classifier in the cache."""
    monkeypatch.setenv("PALINGEN_CACHE", str(shapes_run[1]))
    return load_data(str(shapes)).info


def test_mnist_has_the_shipped_classifiers():
    assert isinstance(find_classifier(MNIST_INFO), DigitClassifier)
    assert isinstance(find_classifier(MNIST_INFO, "second"), ResidualClassifier)


def test_a_data_set_has_the_classifier_that_was_trained_for_its_classes(info, shapes):
    classifier = require_classifier(info)
    assert classifier.head.out_features == info.num_classes == 3
    assert accuracy(classifier, load_data(str(shapes)).test) > 0.8  # guessing gives 0.33
    assert find_classifier(info, "second") is None


def test_a_moved_data_set_keeps_its_classifier(info, shapes, tmp_path):
    shutil.copytree(shapes, tmp_path / "elsewhere")
    moved = load_data(str(tmp_path / "elsewhere")).info
    assert moved.name != info.name
    assert store_folder(moved) == store_folder(info)
    assert find_classifier(moved) is not None


@pytest.mark.parametrize(
    ("class_names", "message"),
    [
        (("a", "b"), "fruit: has no classifier yet; train one with `palingen classifier train --data fruit`"),
        ((), "fruit: has no classes, so no classifier can be trained for it"),
    ],
)
def test_without_a_classifier_the_message_says_what_to_do(info, class_names, message):
    with pytest.raises(DataError, match=f"^{message}"):
        require_classifier(DatasetInfo("fruit", class_names, "0" * 64))


def test_without_a_classifier_the_monitor_is_off_and_says_so_in_one_line(shapes, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PALINGEN_CACHE", str(tmp_path))
    config = GanConfig(data=str(shapes))
    dataset = load_dataset(config.data, torch.device("cpu"))
    capsys.readouterr()
    assert Monitor.create(config, dataset) is None
    message = capsys.readouterr().err
    assert message.startswith(
        f"gan: the quality is not monitored, since {shapes} has no classifier yet; train one with"
    )
    assert message.count("\n") == 1
    with pytest.raises(DataError, match="keep='best': needs the monitor, but"):
        Monitor.create(GanConfig(data=str(shapes), keep="best"), dataset)


def test_a_small_data_set_is_scored_with_as_many_images_as_it_has_or_fewer(info):
    evaluator = data_evaluator(info)
    assert default_count(evaluator) == evaluator.max_count < 540
    for count in (MIN_OTHER_SAMPLES, evaluator.max_count):
        require_count(count, "test", evaluator)
    with pytest.raises(ConfigError, match=f"count=99: must be at least {MIN_OTHER_SAMPLES}; with fewer"):
        require_count(99, "test", evaluator)
    with pytest.raises(ConfigError, match=r"at most .* training images of all classes but one"):
        require_count(540, "test", evaluator)
    assert data_evaluator(info) is evaluator
    assert default_count(data_evaluator(info, "validation")) == 270


def test_a_data_set_with_fewer_images_than_the_least_count_is_scored_with_all_of_them(info, monkeypatch):
    monkeypatch.setattr(Evaluator, "max_count", 60)
    require_count(60, "test", data_evaluator(info))
    for count, rule in ((59, "least"), (61, "most")):
        with pytest.raises(ConfigError, match=f"count={count}: must be at {rule} 60"):
            require_count(count, "test", data_evaluator(info))


def test_changed_images_are_not_scored_with_a_runs_classifier(info):
    stale = DatasetInfo(info.name, ("ring", "slash", "box"), info.sha256)
    with pytest.raises(DataError, match="its images have changed since the training"):
        data_evaluator(stale)


def test_a_data_set_with_too_few_test_images_is_known_before_an_evaluator_is_built(info, monkeypatch):
    require_evaluator(info)
    monkeypatch.setattr("palingen.gan.evaluation.data_evaluator.MIN_REFERENCE", 61)
    with pytest.raises(DataError, match="has 60 images to compare with; at least 61 are needed"):
        require_evaluator(info)


def test_a_data_set_of_hardly_any_class_but_the_second_is_refused(info, monkeypatch):
    images = load_data(info.name)
    slashes, others = ((images.train.labels == label).nonzero().flatten() for label in (1, 0))
    train = images.train.select(torch.cat([slashes, others[:49]]))
    monkeypatch.setattr(
        "palingen.gan.evaluation.data_evaluator.load_data", lambda name: dataclasses.replace(images, train=train)
    )
    with pytest.raises(DataError, match="has 49 training images of other classes than slash; at least 50") as refusal:
        require_evaluator(info)
    assert "\n" not in str(refusal.value)


def test_test_images_that_all_are_training_images_are_refused(info, monkeypatch):
    images = load_data(info.name)
    copies = images.train.select(torch.arange(60))
    monkeypatch.setattr(
        "palingen.gan.evaluation.data_evaluator.load_data", lambda name: dataclasses.replace(images, test=copies)
    )
    with pytest.raises(DataError, match="all of its images to compare with are training images"):
        require_evaluator(info)


@pytest.mark.parametrize(("size", "epochs"), [(60_000, 5), (124_800, 5), (30_000, 10), (100, 30)])
def test_a_smaller_data_set_gets_more_epochs_up_to_a_limit(size, epochs):
    assert scale_epochs(ClassifierConfig(), size).epochs == epochs
