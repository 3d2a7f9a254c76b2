import numpy as np
import pytest
import torch

from palingen.gan.config import GanConfig, build_networks
from palingen.gan.evaluation.classifier import load_classifier
from palingen.gan.pretrained import load_generator
from palingen.gan.sampling.directions import (
    NUM_SAMPLES,
    find_directions,
    fit_linear_map,
    measure_properties,
    principal_directions,
    property_directions,
)
from palingen.gan.sampling.latents import generate_pixels, sample_latents
from palingen.runtime.errors import PalingenError

NAMES = ["slant", "thickness", "width", "principal 1", "principal 2"]


@pytest.fixture(scope="module")
def course():
    return load_generator("course")


@pytest.fixture(scope="module")
def course_directions(course):
    """Directions of the course's generator, and the regression of latents on features."""
    classifier = load_classifier()
    return find_directions(
        course.generator, course.config.latent_dim, lambda pixels: classifier.predict(pixels).features
    )


def stroke(lean, half_width):
    """Stroke of 17 rows that moves `lean` pixels to the right per row upward."""
    rows, columns = np.mgrid[:28, :28]
    distance = np.abs(columns - 13.5 + lean * (rows - 13.5))
    return ((distance <= half_width) & (np.abs(rows - 13.5) < 9)) * 255


def test_a_leaning_stroke_has_its_slant_and_a_thick_one_its_thickness():
    pixels = torch.tensor(np.stack([stroke(0, 1), stroke(0.5, 1), stroke(0, 2.6)])).to(torch.uint8)
    properties = measure_properties(pixels)
    assert properties["slant"][0].abs() < 1
    assert properties["slant"][1] == pytest.approx(np.degrees(np.arctan(0.5)), abs=2)  # pixels make the edges uneven
    assert properties["thickness"][2] > 1.8 * properties["thickness"][0]
    assert properties["width"][2] > properties["width"][0]


def test_black_images_have_finite_properties():
    properties = measure_properties(torch.zeros(2, 28, 28, dtype=torch.uint8))
    assert all(values.isfinite().all() for values in properties.values())


def test_regression_recovers_a_linear_map():
    inputs, weight = sample_latents(2000, 6, 0), sample_latents(3, 6, 1)
    fitted = fit_linear_map(inputs, inputs @ weight.T + 2)
    # the ridge penalty of 10 samples shrinks the weights by about 10 / 2010
    torch.testing.assert_close(fitted.weight, weight, atol=0.02, rtol=0)
    torch.testing.assert_close(fitted.bias, torch.full((3,), 2.0), atol=0.02, rtol=0)


def test_a_property_that_is_linear_in_one_latent_has_that_latent_as_direction():
    """Slant as the first latent, between -30 and 30 degrees; the other three latents have no effect."""
    torch.manual_seed(0)
    latents = torch.rand(500, 4) * 2 - 1
    leans = torch.tan(torch.deg2rad(30 * latents[:, 0])).tolist()
    slant, *_ = property_directions(latents, torch.tensor(np.stack([stroke(lean, 2) for lean in leans])).byte())
    assert slant.name == "slant"
    assert slant.vector[0] > 0.99
    assert slant.explained > 0.95
    assert slant.effect == pytest.approx(30, rel=0.1)


def test_the_effect_of_a_direction_is_the_mean_derivative_on_new_samples(course, course_directions):
    """By Stein's lemma, E[grad f(z)] = E[z f(z)] for z ~ N(0, I), which linear regression of f on z estimates."""
    latents = sample_latents(NUM_SAMPLES, 100, seed=9)
    properties = measure_properties(generate_pixels(course.generator, latents))
    for direction in course_directions[0][:3]:
        above, below = (
            measure_properties(generate_pixels(course.generator, latents + step * direction.vector))[direction.name]
            for step in (0.1, -0.1)
        )
        derivatives = (above - below) / 0.2
        residual_variance = (1 - direction.explained) * properties[direction.name].var().item()
        standard_error = ((derivatives.var().item() + residual_variance) / NUM_SAMPLES) ** 0.5  # of both estimates
        assert derivatives.mean().item() == pytest.approx(direction.effect, abs=4 * standard_error)
        assert 4 * standard_error < 0.1 * direction.effect


def test_all_directions_are_unit_vectors_and_explain_a_part(course_directions):
    directions, _ = course_directions
    assert [direction.name for direction in directions] == NAMES
    for direction in directions:
        assert direction.vector.norm() == pytest.approx(1, abs=1e-4)
        assert 0 < direction.explained < 1


def test_directions_of_a_conditional_generator_leave_the_classes_out():
    config = GanConfig(latent_dim=6, conditional=True)
    generator, _ = build_networks(config)
    directions, linear_map = find_directions(generator, config.latent_dim, lambda pixels: pixels[:, 10, :5].float())
    assert [(direction.name, direction.vector.shape) for direction in directions] == [(name, (6,)) for name in NAMES]
    assert linear_map.weight.shape == (6, 5)


def test_a_generator_of_one_latent_has_no_two_directions():
    generator, _ = build_networks(GanConfig(latent_dim=1))
    with pytest.raises(PalingenError, match=r"^latent_dim=1: must be at least 2"):
        find_directions(generator, 1, lambda pixels: pixels[:, 10, :5].float())


@pytest.mark.parametrize("level", [-1.0, 0.3, None], ids=["black", "grey", "noise"])
def test_a_generator_whose_images_are_all_alike_has_no_directions(level):
    generator, _ = build_networks(GanConfig(latent_dim=6))
    image = torch.rand(1, 28, 28, generator=torch.Generator().manual_seed(0)) if level is None else level
    generator.register_forward_hook(lambda module, inputs, output: torch.zeros_like(output) + image)
    with pytest.raises(PalingenError, match=r"^all images are alike") as refusal:
        find_directions(generator, 6, lambda pixels: pixels[:, 10, :5].float())
    assert "\n" not in str(refusal.value)


def test_principal_directions_are_orthogonal_and_change_the_first_layer_most(course):
    first, second = (direction.vector for direction in principal_directions(course.generator, 100))
    assert abs(first @ second) < 1e-4
    weight = course.generator[0].weight.detach()
    others = sample_latents(1000, 100, 0)
    changes = (others / others.norm(dim=1, keepdim=True) @ weight.T).norm(dim=1)
    assert (weight @ first).norm() > (weight @ second).norm() > changes.max()


def test_latents_estimated_from_features_give_images_nearer_to_the_original_than_other_samples(
    course, course_directions
):
    _, linear_map = course_directions
    pixels = generate_pixels(course.generator, sample_latents(500, 100, seed=9))
    features = load_classifier().predict(pixels).features
    estimated = generate_pixels(course.generator, features @ linear_map.weight.T + linear_map.bias)
    to_another_sample = (pixels.float() - pixels.roll(1, 0).float()).square().mean()
    assert (pixels.float() - estimated.float()).square().mean() < 0.6 * to_another_sample
