import json

import pytest
import torch
from safetensors import safe_open

from palingen.gan.data.mnist import load_images
from palingen.gan.evaluation.classifier import SHIPPED_WEIGHTS, accuracy, load_classifier
from palingen.gan.evaluation.classifier_training import ClassifierConfig
from palingen.recipes import CLASSIFIER
from palingen.runtime.config_io import parse_config
from palingen.runtime.errors import RunError
from palingen.runtime.safetensors_header import load_metadata
from palingen.runtime.safetensors_io import save_weights


@pytest.fixture(scope="module")
def classifier():
    return load_classifier()


def test_the_shipped_classifier_is_right_on_994_of_1000_test_images(classifier):
    assert accuracy(classifier, load_images("t10k")) >= 0.994


def test_the_shipped_weights_carry_a_hash_and_the_config_of_their_recipe():
    with safe_open(SHIPPED_WEIGHTS, framework="pt") as file:
        metadata = file.metadata()
    assert len(metadata["sha256"]) == 64
    assert json.loads(metadata["config"])["kind"] == "ClassifierConfig"
    config = parse_config(load_metadata(SHIPPED_WEIGHTS), ClassifierConfig, SHIPPED_WEIGHTS)
    assert config == CLASSIFIER["first"]
    assert SHIPPED_WEIGHTS.stat().st_size < 2_000_000


def test_probabilities_sum_to_one_and_follow_from_the_logits(classifier):
    images = load_images("t10k").pixels[:30]
    output = classifier.predict(images)
    torch.testing.assert_close(output.probabilities.sum(1), torch.ones(30))
    logits = classifier(images.unsqueeze(1).float() / 127.5 - 1)
    torch.testing.assert_close(output.probabilities, logits.softmax(1))
    assert torch.equal(output.probabilities, classifier.probabilities(images))


def test_features_have_128_dimensions_and_are_not_negative(classifier):
    features = classifier.predict(load_images("t10k").pixels[:30]).features
    assert features.shape == (30, 128)
    assert features.min() == 0


def test_the_output_of_selected_images_is_the_selected_output(classifier):
    pixels = load_images("t10k").pixels[:30]
    indices = torch.tensor([7, 3])
    selected, alone = classifier.predict(pixels).select(indices), classifier.predict(pixels[indices])
    torch.testing.assert_close(vars(selected), vars(alone))


def test_the_classifier_is_frozen_and_in_evaluation_mode(classifier):
    assert not any(parameter.requires_grad for parameter in classifier.parameters())
    assert not classifier.training


def test_weights_of_another_network_are_refused_in_one_line(tmp_path):
    save_weights(tmp_path / "file", {"w": torch.ones(1)}, ClassifierConfig())
    with pytest.raises(RunError, match="file: not the weights of this network") as refusal:
        load_classifier(tmp_path / "file")
    assert "\n" not in str(refusal.value)
