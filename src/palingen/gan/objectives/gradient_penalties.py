"""Gradient penalties on the discriminator.

A penalty is a function of |dD/dx|^2 (summed over an image's pixels) at real and at fake images. An interpolated penalty
evaluates the gradient at one point between each pair of real and fake image instead. To add one, write its function and
add one line to `PENALTIES` and to `GanConfig.penalty`.

    B  images
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

Images = Float[Tensor, "B channels 28 28"]
SquaredNorms = Float[Tensor, " B"]
Scalar = Float[Tensor, ""]
LogitsOf = Callable[[Images], Float[Tensor, " B"]]
"""Discriminator: images to logits."""


@dataclass(frozen=True)
class GradientPenalty:
    """Gradient penalty and the points at which it is evaluated."""

    of_norms: Callable[[SquaredNorms, SquaredNorms], Scalar]
    """Penalty from the squared gradient norms at real and at fake images."""

    interpolated: bool = False
    """Evaluate at points between real and fake images; both arguments of `of_norms` are then the same."""


def squared_gradient_norms(logits_of: LogitsOf, images: Images) -> SquaredNorms:
    """|dD/dx|^2 of each image, differentiable a second time."""
    images = images.detach().requires_grad_()
    (gradients,) = torch.autograd.grad(logits_of(images).sum(), images, create_graph=True)
    return gradients.square().flatten(1).sum(1)


def r1(real: SquaredNorms, fake: SquaredNorms) -> Scalar:
    """E_p |dD/dx|^2 / 2 at real images (Mescheder et al. 2018, equation 9)."""
    return real.mean() / 2


def r2(real: SquaredNorms, fake: SquaredNorms) -> Scalar:
    """E_q |dD/dx|^2 / 2 at generated images (Mescheder et al. 2018, equation 10)."""
    return fake.mean() / 2


def r1_and_r2(real: SquaredNorms, fake: SquaredNorms) -> Scalar:
    """R1 plus R2, with which the relativistic loss converges where one alone fails (Huang et al. 2024)."""
    return (real.mean() + fake.mean()) / 2


def wgan_gp(between: SquaredNorms, _: SquaredNorms) -> Scalar:
    """E (|dD/dx| - 1)^2 at points between pairs of real and fake images (Gulrajani et al. 2017, equation 3)."""
    return ((between + 1e-12).sqrt() - 1).square().mean()  # sqrt has no derivative at zero


PENALTIES: dict[str, GradientPenalty] = {
    "r1": GradientPenalty(r1),
    "r2": GradientPenalty(r2),
    "r1-r2": GradientPenalty(r1_and_r2),
    "wgan-gp": GradientPenalty(wgan_gp, interpolated=True),
}
