import pytest
import torch
from safetensors import safe_open

from palingen.gan.data.mnist import load_images
from palingen.gan.evaluation.classifier import accuracy, load_classifier
from palingen.gan.evaluation.classifier_training import ClassifierConfig
from palingen.gan.evaluation.second_classifier import SECOND_WEIGHTS, load_second_classifier
from palingen.recipes import CLASSIFIER
from palingen.runtime.config_io import parse_config
from palingen.runtime.errors import RunError
from palingen.runtime.safetensors_header import load_metadata
from palingen.runtime.safetensors_io import save_weights


@pytest.fixture(scope="module")
def classifier():
    return load_second_classifier()


def test_the_second_classifier_is_right_on_994_of_1000_test_images(classifier):
    assert accuracy(classifier, load_images("t10k")) >= 0.994


def test_its_weights_are_in_half_precision_and_carry_the_config_of_their_recipe():
    with safe_open(SECOND_WEIGHTS, framework="pt") as file:
        assert len(file.metadata()["sha256"]) == 64
        assert {str(file.get_tensor(name).dtype) for name in file.keys()} == {"torch.float16", "torch.int64"}  # noqa: SIM118
    assert load_metadata(SECOND_WEIGHTS)["architecture"] == "residual"
    assert parse_config(load_metadata(SECOND_WEIGHTS), ClassifierConfig, SECOND_WEIGHTS) == CLASSIFIER["second"]
    assert SECOND_WEIGHTS.stat().st_size < 1_000_000


def test_its_features_have_96_dimensions_and_depend_on_no_other_image_of_the_batch(classifier):
    pixels = load_images("t10k").pixels[:30]
    features = classifier.predict(pixels).features
    assert features.shape == (30, 96)
    torch.testing.assert_close(features[:3], classifier.predict(pixels[:3]).features)


def test_the_two_classifiers_disagree_on_some_test_images(classifier):
    pixels = load_images("t10k").pixels[:3000]
    first, second = (network.probabilities(pixels).argmax(1) for network in (load_classifier(), classifier))
    assert 0 < (first != second).sum() < 60


def test_weights_of_another_network_are_refused_in_one_line(tmp_path):
    save_weights(tmp_path / "file", {"w": torch.ones(1)}, ClassifierConfig())
    with pytest.raises(RunError, match="file: not the weights of this network") as refusal:
        load_second_classifier(tmp_path / "file")
    assert "\n" not in str(refusal.value)
