"""Penalties on the discriminator's slope, so that it cannot be steeper than the generator can follow.

A penalty is a function of |dD/dx|^2, summed over an image's pixels, at real and at fake images; `gradient` looks at one
point between the two of each pair instead and gets that for both. To add a penalty, write such a function and add one
line to `PENALTIES`.

    B  images
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Images = Float[Tensor, "B channels 28 28"]
Slopes = Float[Tensor, " B"]
Scalar = Float[Tensor, ""]
Judgement = Callable[[Images], Float[Tensor, " B"]]
"""The discriminator's logits of some images, of the class they were made for."""

Penalty = Callable[[Slopes, Slopes], Scalar]


def steepness(
    judgement: Judgement, real: Images, fake: Images, shares: Float[Tensor, " B"] | None = None
) -> tuple[Slopes, Slopes]:
    """|dD/dx|^2 at real and at fake images, or at the point between each two that lies at a share of the way to real.

    It can itself be differentiated.
    """
    if shares is None:
        at_real, at_fake = slopes(judgement, torch.cat([real, fake])).tensor_split(2)
        return at_real, at_fake
    share = shares.view(-1, 1, 1, 1)
    between = slopes(judgement, share * real + (1 - share) * fake)
    return between, between


def slopes(judgement: Judgement, images: Images) -> Slopes:
    """|dD/dx|^2 for each image."""
    images = images.detach().requires_grad_()
    (slope,) = torch.autograd.grad(judgement(images).sum(), images, create_graph=True)
    return slope.square().flatten(1).sum(1)


def r1(real: Slopes, fake: Slopes) -> Scalar:
    """E_p |dD/dx|^2 / 2, flat at real images (Mescheder et al. 2018, equation 9)."""
    return real.mean() / 2


def r2(real: Slopes, fake: Slopes) -> Scalar:
    """E_q |dD/dx|^2 / 2, flat at generated images (Mescheder et al. 2018, equation 10)."""
    return fake.mean() / 2


def r1_and_r2(real: Slopes, fake: Slopes) -> Scalar:
    """Both: with the relativistic loss the game converges where one alone fails (Huang et al. 2024)."""
    return (real.mean() + fake.mean()) / 2


def gradient_penalty(between: Slopes, _: Slopes) -> Scalar:
    """E (|dD/dx| - 1)^2 at points between pairs of real and fake images (Gulrajani et al. 2017, equation 3)."""
    return ((between + 1e-12).sqrt() - 1).square().mean()  # sqrt has no slope at zero


PENALTIES: dict[str, Penalty] = {"r1": r1, "r2": r2, "r1-r2": r1_and_r2, "gradient": gradient_penalty}

BETWEEN = {"gradient"}
"""Those that look between real and fake images."""
