"""Walks between two digits of different classes, each image with the judge's verdict."""

from dataclasses import dataclass

import torch
from jaxtyping import UInt8
from torch import Tensor, nn
from torch.nn.functional import one_hot

from palingen.adversarial.judge import load_judge
from palingen.adversarial.latent import WALKS, draw_images, draw_latents, endpoints, lerp
from palingen.errors import PalingenError

CANDIDATES = 1000
"""Latents among which two ends are looked for."""


@dataclass(frozen=True)
class Walk:
    """The images of a walk, its ends included, and what the judge takes each for."""

    pixels: UInt8[Tensor, "S 28 28"]
    classes: list[int]
    confidences: list[float]


def between(
    generator: nn.Module,
    latent_dim: int,
    steps: int,
    seed: int,
    pair: tuple[int, int] | None = None,
    classes: int = 0,
) -> dict[str, Walk]:
    """A linear and a spherical walk between two latents whose images the judge puts in different classes.

    Args:
        generator: the network that draws.
        latent_dim: Z, its latent dimensions.
        steps: images between the two ends; a walk has two more.
        seed: of the latents to choose from.
        pair: the classes of the ends, else any two that the judge is sure of.
        classes: K of a class-conditional generator; between two classes it reads a mixture of them.

    Raises:
        PalingenError: no two candidates are of such classes.
    """
    judge = load_judge()
    latents = draw_latents(CANDIDATES, latent_dim, seed)
    asked = (
        one_hot(torch.arange(CANDIDATES) % classes, classes).float() if classes else latents.new_zeros(CANDIDATES, 0)
    )
    probabilities = judge.probabilities(draw_images(generator, torch.cat([latents, asked], 1)))
    ends = endpoints(probabilities, pair)
    if ends is None:
        seen = ", ".join(str(digit) for digit in sorted(set(probabilities.argmax(1).tolist())))
        raise PalingenError(
            f"no two of {CANDIDATES} images are of the classes asked for; the judge sees only: {seen} "
            "(try another --seed, other --classes, or train longer)"
        )
    fractions = torch.linspace(0, 1, steps + 2)
    walks = {}
    for name, walk in WALKS.items():
        points = walk(latents[ends[0]], latents[ends[1]], fractions)
        mixtures = lerp(asked[ends[0]], asked[ends[1]], fractions)
        pixels = draw_images(generator, torch.cat([points, mixtures], 1))
        confidences, labels = judge.probabilities(pixels).max(1)
        walks[name] = Walk(pixels, labels.tolist(), confidences.tolist())
    return walks
