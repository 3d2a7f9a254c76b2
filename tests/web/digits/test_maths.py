"""Maths of the digits page under Node: gradients, latent space, inversion, and links."""

import copy

import numpy as np
import pytest
import torch
from digits_page import needs_node, network_json, run_node

from palingen.gan.data.mnist import load_images
from palingen.gan.pretrained import load_generator
from palingen.gan.sampling.interpolation import lerp, slerp
from palingen.gan.sampling.latents import generate, sample_latents

pytestmark = needs_node


def test_input_gradients_of_every_kind_of_network_equal_autograds(trained):
    generator, inputs = trained
    generator = copy.deepcopy(generator).half().float()  # both have the same weights then, and the same kinks
    inputs = inputs[:4].clone().requires_grad_()
    gradient = torch.randn(4, 784, generator=torch.Generator().manual_seed(0))
    (generator(inputs).flatten(1) * gradient).sum().backward()
    network = network_json(generator, inputs)
    computed = run_node("backward", network=network, inputs=inputs.tolist(), gradient=gradient.tolist())
    assert inputs.grad.abs().max() > 0.1
    largest = (torch.tensor(computed).view_as(inputs) - inputs.grad).abs().max()
    assert largest < 1e-4 * inputs.grad.abs().max()  # float32


def test_noise_is_standard_normal_and_determined_by_its_seed():
    values = np.array(run_node("normal", count=100_000, seed=3))
    four_errors = 4 / 100_000**0.5
    assert abs(values.mean()) < four_errors
    assert abs(values.var() - 1) < 2**0.5 * four_errors
    assert abs((np.abs(values) < 1).mean() - 0.6827) < (0.6827 * 0.3173) ** 0.5 * four_errors
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < four_errors
    assert run_node("normal", count=5, seed=3) == values[:5].tolist()
    assert run_node("normal", count=5, seed=4) != values[:5].tolist()


def test_interpolations_equal_the_librarys():
    a, b = sample_latents(2, 100, seed=0)
    fractions = torch.linspace(0, 1, 9)
    results = run_node("interpolations", a=[a.tolist()], b=[b.tolist()], fractions=fractions.tolist())
    for points, function in zip(results, (lerp, slerp), strict=True):
        torch.testing.assert_close(torch.tensor(points), function(a, b, fractions), atol=1e-5, rtol=0)


def test_the_plane_through_three_pins_contains_them():
    pins = sample_latents(3, 20, seed=0)
    points = torch.tensor(run_node("pins", pins=pins.tolist(), latentDim=20))
    torch.testing.assert_close(points, pins, atol=1e-4, rtol=0)


def test_the_principal_plane_spans_3_to_each_side_and_keeps_the_rest_of_the_latent():
    z, basis = sample_latents(1, 20, seed=0)[0], torch.eye(20)[:2]
    positions = [[0, 1], [0.5, 0.5], [1, 0]]  # lower left, centre, upper right
    values = {"z": z.tolist(), "first": basis[0].tolist(), "second": basis[1].tolist(), "positions": positions}
    points = torch.tensor(run_node("principal", **values))
    torch.testing.assert_close(points[:, :2], torch.tensor([[-3.0, -3.0], [0.0, 0.0], [3.0, 3.0]]))
    torch.testing.assert_close(points[:, 2:], z[2:].expand(3, 18))


def test_quantized_inputs_survive_a_link_exactly():
    latents = sample_latents(1, 110, seed=0)[0]
    quantized, text, again = run_node("quantize", input=[latents.tolist()])
    assert (torch.tensor(quantized) - latents).abs().max() <= 1 / 64
    assert again == quantized
    assert len(text) <= 148


def test_a_hash_holds_the_fields_that_differ_from_the_initial_state():
    assert run_node("hash", hash="") == ""
    assert run_node("hash", hash="#seed=0&truncation=1&interpolation=spherical") == ""
    hash_ = "#model=1&seed=7&truncation=0.5&digit=3&z=AQID&a=AA&b=BB&c=CC&interpolation=linear&t=0.25&plane=principal"
    hash_ += "&x=0.1&y=0.9&directions=10.-5.0&snapshot=2"
    assert run_node("hash", hash=hash_) == hash_


@pytest.mark.parametrize("field", ["model=-1", "seed=x", "truncation=", "interpolation=zigzag", "z=%3Cb%3E", "t=NaN"])
def test_an_invalid_field_of_a_hash_gets_its_initial_value(field):
    assert run_node("state", hash=f"#{field}") == run_node("state", hash="")


def test_the_nearest_image_has_the_smallest_root_mean_square_difference():
    test, training = load_images("t10k").pixels[0], load_images("train").pixels[:50]
    result = run_node("nearest", image=test.flatten().tolist(), images=training.flatten(1).tolist())
    distances = ((training.double() - test.double()) / 255).square().mean((1, 2)).sqrt()
    assert result["index"] == distances.argmin()
    assert result["distance"] == pytest.approx(distances.min().item())


def test_inversion_reduces_the_difference_of_an_image_that_the_generator_can_make():
    generator = load_generator("course").generator
    latents = sample_latents(4, 100, seed=5)
    target = generate(generator, latents[:1]).flatten()
    job = {"network": network_json(generator, latents), "target": [target.tolist()], "starts": latents[1:].tolist()}
    losses = run_node("invert", **job, latentDim=100)
    assert losses[-1] < 0.1 * losses[0]
    assert losses == sorted(losses, reverse=True)
