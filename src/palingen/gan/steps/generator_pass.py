"""Forward and backward pass of the generator alone; a training step computes them together with the discriminator's.

B  images      Z  generator inputs
"""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from palingen.gan.steps.forward import autocast
from palingen.gan.steps.penalty_jvp_native import PenaltyJvpNativeStep
from palingen.gan.steps.protocol import TrainStep

Latents = Float[Tensor, "B Z"]
Images = Float[Tensor, "B channels 28 28"]


@runtime_checkable
class GeneratorPass(Protocol):
    """Both passes of a generator."""

    def forward(self, latents: Latents) -> Images:
        """Images of a batch, without a graph."""

    def write_grads(self, grad_images: Images) -> None:
        """Write the parameters' `.grad` from the gradient of the images of the last forward pass."""


class AutogradGenerator:
    """Any generator by autograd.

    Args:
        network: the generator.
        precision: `float32`, or `bfloat16` for bfloat16 autocast.
    """

    def __init__(self, network: nn.Module, precision: str) -> None:
        self.network, self.precision = network, precision
        self.parameters = list(network.parameters())

    def forward(self, latents: Latents) -> Images:
        """Images of a batch, without a graph."""
        with torch.enable_grad(), autocast(self.precision, latents.device):
            self.images: Tensor = self.network(latents)
        return self.images.detach().float()

    def write_grads(self, grad_images: Images) -> None:
        """Write the parameters' `.grad` from the gradient of the images of the last forward pass."""
        gradients = torch.autograd.grad(self.images, self.parameters, grad_images.to(self.images.dtype))
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient


def generator_pass(step: TrainStep, network: nn.Module, precision: str) -> GeneratorPass:
    """Passes of a training step's generator, by its engine if that has them."""
    return step.generator if isinstance(step, PenaltyJvpNativeStep) else AutogradGenerator(network, precision)
