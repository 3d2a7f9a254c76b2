"""Generator passes: what autograd computes, by the engine that has its own."""

import pytest
import torch

from palingen.gan.config import build_networks
from palingen.gan.steps import STEPS
from palingen.gan.steps.generator_pass import AutogradGenerator, generator_pass
from palingen.gan.steps.residual.library import unavailable_reason
from palingen.gan.trainer import step_setup
from palingen.recipes import GAN

LATENTS, GRADIENT = (torch.randn(6, size, generator=torch.Generator().manual_seed(size)) for size in (64, 28 * 28))


def gradients_of(step_name, recipe):
    """Images, and the gradient of each parameter, with the weights of seed 0."""
    config = GAN[recipe]
    torch.manual_seed(0)
    networks = build_networks(config)
    generator = generator_pass(STEPS[step_name](step_setup(config, networks)), networks.generator, config.precision)
    gradient = GRADIENT.view(6, 1, 28, 28).expand(-1, config.channels, -1, -1)
    with torch.no_grad():
        images = generator.forward(LATENTS)
        generator.write_grads(gradient)
    return generator, images, [parameter.grad for parameter in networks.generator.parameters()]


@pytest.mark.skipif(unavailable_reason() is not None, reason=f"needs {unavailable_reason()}")
@pytest.mark.parametrize("recipe", ["residual-unconditional", "stacked"])
def test_the_engine_of_the_residual_networks_agrees_with_autograd(recipe):
    own, images, gradients = gradients_of("penalty-jvp-native", recipe)
    reference, expected_images, expected = gradients_of("penalty-jvp", recipe)
    assert not isinstance(own, AutogradGenerator)
    assert isinstance(reference, AutogradGenerator)
    assert not images.requires_grad
    torch.testing.assert_close(images, expected_images, rtol=0, atol=0.03)  # bfloat16
    for gradient, reference_gradient in zip(gradients, expected, strict=True):
        assert (gradient - reference_gradient).norm() <= 0.05 * reference_gradient.norm()


def test_autograd_gives_the_gradients_of_the_images():
    network = torch.nn.Sequential(torch.nn.Linear(64, 784), torch.nn.Unflatten(1, (1, 28, 28)))
    generator = AutogradGenerator(network, "float32")
    with torch.no_grad():
        assert torch.equal(generator.forward(LATENTS), network(LATENTS))
        generator.write_grads(GRADIENT.view(6, 1, 28, 28))
    torch.testing.assert_close(network[0].weight.grad, GRADIENT.T @ LATENTS)
