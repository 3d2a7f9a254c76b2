import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from palingen.gan.config import GanConfig
from palingen.gan.data.mnist import load_images
from palingen.gan.evaluation.classifier import load_classifier
from palingen.gan.sampling.interpolation import INTERPOLATIONS, interpolate, lerp, select_endpoints, slerp
from palingen.gan.sampling.latents import sample_latents
from palingen.runtime.errors import PalingenError

seeds = st.integers(0, 10_000)

CONFIG = GanConfig(latent_dim=4)


class RealDigits(nn.Module):
    """Generator that returns a real digit, selected by the first number of the latent."""

    def __init__(self, pixels):
        super().__init__()
        self.images = nn.Parameter(pixels.unsqueeze(1).float() / 127.5 - 1)

    def forward(self, latents):
        return self.images[(latents[:, 0].abs() * 1000).long() % len(self.images)]


class Recorder(nn.Module):
    """Generator of black images that records its inputs."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.tensor(-1.0))
        self.inputs = []

    def forward(self, latents):
        self.inputs.append(latents)
        return self.bias.expand(len(latents), 1, 28, 28)


def two_latents(seed, latent_dim=100):
    return sample_latents(2, latent_dim, seed).double()


def fractions(count):
    return torch.linspace(0, 1, count).double()


def confident(*classes, confidence=0.995):
    """Probabilities of images of the given classes."""
    rest = (1 - confidence) / 9
    return torch.stack([torch.full((10,), rest).scatter(0, torch.tensor(digit), confidence) for digit in classes])


@pytest.mark.parametrize("function", INTERPOLATIONS.values(), ids=INTERPOLATIONS)
@given(seed=seeds, steps=st.integers(1, 12))
def test_an_interpolation_starts_and_ends_at_its_endpoints(function, seed, steps):
    a, b = two_latents(seed)
    points = function(a, b, fractions(steps + 2))
    assert points.shape == (steps + 2, 100)
    torch.testing.assert_close(points[[0, -1]], torch.stack([a, b]))


@given(seed=seeds)
def test_spherical_interpolation_of_unit_vectors_stays_on_the_sphere_at_equal_angles(seed):
    a, b = (latent / latent.norm() for latent in two_latents(seed))
    points = slerp(a, b, fractions(9))
    torch.testing.assert_close(points.norm(dim=1), torch.ones(9).double())
    angles = torch.acos((points[1:] * points[:-1]).sum(1).clamp(-1, 1))
    torch.testing.assert_close(angles, angles.mean().expand(8))


def test_the_midpoint_of_a_straight_line_is_shorter_by_the_root_of_two():
    latents = sample_latents(2000, 100, seed=0)
    midpoints = torch.cat([lerp(a, b, torch.tensor([0.5])) for a, b in latents.view(-1, 2, 100)])
    assert latents.norm(dim=1).mean() / midpoints.norm(dim=1).mean() == pytest.approx(math.sqrt(2), rel=0.01)


def test_spherical_interpolation_between_equal_latents_is_constant():
    a = torch.randn(5).double()
    torch.testing.assert_close(slerp(a, a, fractions(4)), a.expand(4, 5))


def test_endpoints_are_the_first_two_confident_images_of_different_classes():
    assert select_endpoints(confident(3, 3, 8, 1, confidence=0.9995)) == (0, 2)
    doubtful_first = torch.cat([confident(5, confidence=0.5), confident(3, 3, 8, confidence=0.9995)])
    assert select_endpoints(doubtful_first) == (1, 3)


def test_endpoints_of_given_classes_are_in_the_given_order():
    assert select_endpoints(confident(3, 3, 8, 1), (1, 3)) == (3, 0)
    assert select_endpoints(confident(3, 3, 8, 1), (1, 7)) is None


def test_images_of_a_single_class_have_no_endpoints():
    assert select_endpoints(confident(1, 1, 1)) is None


def test_without_confident_images_the_most_confident_ones_are_the_endpoints():
    images = (3, 0.4), (5, 0.5), (8, 0.6)
    probabilities = torch.cat([confident(digit, confidence=confidence) for digit, confidence in images])
    assert select_endpoints(probabilities) == (2, 1)


def test_endpoints_are_classified_differently_and_every_image_has_a_class_and_a_confidence():
    generator = RealDigits(load_images("t10k").pixels[:500])
    interpolations = interpolate(generator, CONFIG.latent_dim, load_classifier().probabilities, steps=7, seed=0)
    assert set(interpolations) == {"linear", "spherical"}
    for interpolation in interpolations.values():
        assert interpolation.pixels.shape == (9, 28, 28)
        assert len(interpolation.classes) == len(interpolation.confidences) == 9
        assert interpolation.classes[0] != interpolation.classes[-1]
        assert min(interpolation.confidences[0], interpolation.confidences[-1]) > 0.999


def test_an_interpolation_between_given_classes_starts_and_ends_in_them():
    generator = RealDigits(load_images("t10k").pixels[:500])
    interpolations = interpolate(
        generator, CONFIG.latent_dim, load_classifier().probabilities, steps=3, seed=0, classes=(3, 8)
    )
    for interpolation in interpolations.values():
        assert (interpolation.classes[0], interpolation.classes[-1]) == (3, 8)


def test_classes_are_mixed_linearly_in_both_interpolations_of_a_conditional_generator():
    generator = Recorder()
    generator.register_buffer("class_frequencies", torch.full((10,), 0.1))
    # candidates take the ten classes in turn, and are classified as such
    interpolate(generator, 4, lambda pixels: confident(*(i % 10 for i in range(len(pixels)))), classes=(2, 5))
    _, *interpolations = generator.inputs
    assert len(interpolations) == len(INTERPOLATIONS)
    for inputs in interpolations:
        expected = torch.zeros(9, 10)
        expected[:, 2], expected[:, 5] = torch.linspace(1, 0, 9), torch.linspace(0, 1, 9)
        torch.testing.assert_close(inputs[:, 4:], expected)


def test_a_generator_of_one_digit_is_refused_in_one_line_with_the_digit():
    test_images = load_images("t10k")
    generator = RealDigits(test_images.pixels[test_images.labels == 1][:1])
    with pytest.raises(PalingenError, match=r"no two of 1000 images .* the generator makes only 1. Try") as refusal:
        interpolate(generator, CONFIG.latent_dim, load_classifier().probabilities)
    assert "\n" not in str(refusal.value)
