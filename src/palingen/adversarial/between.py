"""Walks between two digits of different classes, each image with the judge's verdict."""

from dataclasses import dataclass

import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from palingen.adversarial.judge import load_judge
from palingen.adversarial.latent import WALKS, draw_images, draw_latents, endpoints
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
    generator: nn.Module, latent_dim: int, steps: int, seed: int, pair: tuple[int, int] | None = None
) -> dict[str, Walk]:
    """A linear and a spherical walk between two latents whose images the judge puts in different classes.

    Args:
        generator: the network that draws.
        latent_dim: Z, its latent dimensions.
        steps: images between the two ends; a walk has two more.
        seed: of the latents to choose from.
        pair: the classes of the ends, else any two that the judge is sure of.

    Raises:
        PalingenError: no two candidates are of such classes.
    """
    judge = load_judge()
    latents = draw_latents(CANDIDATES, latent_dim, seed)
    probabilities = judge.probabilities(draw_images(generator, latents))
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
        pixels = draw_images(generator, walk(latents[ends[0]], latents[ends[1]], fractions))
        confidences, classes = judge.probabilities(pixels).max(1)
        walks[name] = Walk(pixels, classes.tolist(), confidences.tolist())
    return walks
