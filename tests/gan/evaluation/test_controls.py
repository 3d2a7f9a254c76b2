import pytest
import torch

from palingen.gan.data.mnist import load_images
from palingen.gan.evaluation.classifier import load_classifier
from palingen.gan.evaluation.classifier_pair import ClassifierPair
from palingen.gan.evaluation.controls import CONTROLS, NOISE_STD, add_noise, blur, control_output


@pytest.fixture(scope="module")
def outputs():
    """Classifier output of 400 images of every control, made from 2,000 test images, for seeds 0 and 1."""
    classifiers, images = ClassifierPair(load_classifier(), None), load_images("t10k").select(torch.arange(2000))
    real = classifiers.predict(images.pixels)
    return [
        {name: control_output(name, 400, images, real, classifiers.predict, seed).first for name in CONTROLS}
        for seed in (0, 1)
    ]


def test_a_single_white_pixel_is_blurred_into_nine():
    pixels = torch.zeros(1, 28, 28, dtype=torch.uint8)
    pixels[0, 10, 10] = 255
    blurred = blur(pixels)
    assert (blurred[0, 9:12, 9:12] == 28).all()
    assert blurred.sum() == 9 * 28


def test_noise_has_its_standard_deviation_and_is_the_same_for_the_same_seed():
    grey = torch.full((20, 28, 28), 128, dtype=torch.uint8)
    assert add_noise(grey, 0).float().std().item() / 255 == pytest.approx(NOISE_STD, abs=0.005)
    assert torch.equal(add_noise(grey, 0), add_noise(grey, 0))
    assert not torch.equal(add_noise(grey, 0), add_noise(grey, 1))


def test_every_control_has_the_requested_number_of_images_and_others_for_another_seed(outputs):
    first, second = outputs
    for name in CONTROLS:
        assert len(first[name].features) == len(second[name].features) == 400
        assert not torch.equal(first[name].features, second[name].features)


def test_the_floor_has_no_repeated_images_and_a_repeated_control_as_many_different_ones_as_its_name_says(outputs):
    distinct = {name: len(output.features.unique(dim=0)) for name, output in outputs[0].items()}
    assert (distinct["floor"], distinct["100 repeated"]) == (400, 100)


def test_a_control_without_ones_has_none_that_are_classified_as_ones(outputs):
    frequency_of_ones = (outputs[0]["no 1s"].probabilities.argmax(1) == 1).double().mean()
    assert frequency_of_ones < 0.01
    assert (outputs[0]["floor"].probabilities.argmax(1) == 1).double().mean() > 0.08
