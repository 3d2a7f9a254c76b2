"""Penalties on the discriminator's slope, so that it cannot be steeper than the generator can follow.

To add a penalty, write a function of the discriminator's judgement and the images, and add one line to `PENALTIES`.

    B  images
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Images = Float[Tensor, "B channels 28 28"]
Scalar = Float[Tensor, ""]
Shares = Float[Tensor, " B"]
"""A number between 0 and 1 for each pair of images, for penalties that look between the two."""

Judgement = Callable[[Images], Float[Tensor, " B"]]
"""The discriminator's logits of some images, of the class they were made for."""


def slopes(judgement: Judgement, images: Images) -> Float[Tensor, " B"]:
    """|dD/dx|^2 for each image, summed over its pixels; it can itself be differentiated."""
    images = images.detach().requires_grad_()
    (slope,) = torch.autograd.grad(judgement(images).sum(), images, create_graph=True)
    return slope.square().flatten(1).sum(1)


def r1(judgement: Judgement, real: Images, fake: Images, shares: Shares) -> Scalar:
    """E_p |dD/dx|^2 / 2, flat at real images (Mescheder et al. 2018, equation 9)."""
    return slopes(judgement, real).mean() / 2


def r2(judgement: Judgement, real: Images, fake: Images, shares: Shares) -> Scalar:
    """E_q |dD/dx|^2 / 2, flat at generated images (Mescheder et al. 2018, equation 10)."""
    return slopes(judgement, fake).mean() / 2


def r1_and_r2(judgement: Judgement, real: Images, fake: Images, shares: Shares) -> Scalar:
    """Both, from one pass (Huang et al. 2024): with the relativistic loss the game converges where one alone fails."""
    return slopes(judgement, torch.cat([real, fake])).mean()


def gradient_penalty(judgement: Judgement, real: Images, fake: Images, shares: Shares) -> Scalar:
    """E (|dD/dx| - 1)^2 at points between pairs of real and fake images (Gulrajani et al. 2017, equation 3)."""
    share = shares.view(-1, 1, 1, 1)
    between = share * real + (1 - share) * fake
    return ((slopes(judgement, between) + 1e-12).sqrt() - 1).square().mean()  # sqrt has no slope at zero


Penalty = Callable[[Judgement, Images, Images, Shares], Scalar]

PENALTIES: dict[str, Penalty] = {
    "r1": r1,
    "r2": r2,
    "r1-r2": r1_and_r2,
    "gradient": gradient_penalty,
}
