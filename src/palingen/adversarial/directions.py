"""Directions of latent space that have a meaning, and a first guess of the latents of a picture.

B  images      Z  latent dimensions      F  features
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.functional import one_hot

from palingen.adversarial.images import SIDE
from palingen.adversarial.judge import Judge
from palingen.adversarial.latent import draw_images, draw_latents

SAMPLES = 4000
"""Images on which slant, thickness and width are measured, and the guess is fitted."""

RIDGE = 10.0
"""What the regressions add to the diagonal, in samples: far fewer than there are."""


@dataclass(frozen=True)
class Direction:
    """A unit vector of latent space."""

    name: str
    vector: Float[Tensor, " Z"]

    explains: float
    """For a measured property, the share of its variance that is linear in the latents; for a principal direction, its
    share of what the first layer does with noise."""

    effect: float | None = None
    """What one unit along it adds to the property, on average over the samples; None for a principal direction."""


@dataclass(frozen=True)
class Guess:
    """A linear map from the judge's features to latents: weight [Z, F] and bias [Z]."""

    weight: Float[Tensor, "Z F"]
    bias: Float[Tensor, " Z"]


def principal(generator: nn.Module, latent_dim: int, count: int = 2) -> list[Direction]:
    """The directions that move the first layer's output most (Shen and Zhou 2021): its first right singular vectors."""
    first = next(layer for layer in generator.modules() if isinstance(layer, nn.Linear))
    weight = first.weight.detach().cpu()[:, :latent_dim]
    _, strengths, vectors = torch.linalg.svd(weight, full_matrices=False)
    shares = strengths**2 / (strengths**2).sum()
    return [Direction(f"principal {i + 1}", vectors[i], shares[i].item()) for i in range(count)]


def measured(latents: Float[Tensor, "B Z"], pixels: UInt8[Tensor, "B 28 28"]) -> list[Direction]:
    """Directions of slant (degrees to the right), thickness and width (pixels), by regression on samples."""
    found = []
    for name, values in properties(pixels).items():
        slope, _ = ridge(latents, values.unsqueeze(1))
        slope = slope.squeeze(0)
        centred = values - values.mean()
        left = centred - (latents - latents.mean(0)) @ slope
        explains = 1 - (left.square().mean() / centred.square().mean()).item()
        found.append(Direction(name, slope / slope.norm(), explains, slope.norm().item()))
    return found


def properties(pixels: UInt8[Tensor, "B 28 28"]) -> dict[str, Float[Tensor, " B"]]:
    """Each image's slant in degrees, stroke thickness and width in pixels, from the moments of its ink."""
    ink = pixels.float() / 255
    mass = ink.sum((1, 2)).clamp(min=1)
    along = torch.arange(SIDE, dtype=torch.float32)
    x = (ink.sum(1) * along).sum(1) / mass
    y = (ink.sum(2) * along).sum(1) / mass
    across, down = along - x[:, None], along - y[:, None]
    xx = (ink.sum(1) * across**2).sum(1) / mass
    yy = (ink.sum(2) * down**2).sum(1) / mass
    xy = (ink * down[:, :, None] * across[:, None, :]).sum((1, 2)) / mass
    # A stroke has two edges, so its ink over half of its edges' length is its thickness.
    edges = (ink.diff(dim=1)[:, :, :-1].square() + ink.diff(dim=2)[:, :-1].square()).sqrt().sum((1, 2)).clamp(min=1)
    return {
        "slant": torch.rad2deg(torch.atan(-xy / yy.clamp(min=1e-3))),  # y grows downward
        "thickness": 2 * mass / edges,
        "width": 4 * xx.sqrt(),
    }


def guess(latents: Float[Tensor, "B Z"], features: Float[Tensor, "B F"]) -> Guess:
    """The regression of latents on the judge's features of their images."""
    return Guess(*ridge(features, latents))


def ridge(
    known: Float[Tensor, "B F"], wanted: Float[Tensor, "B Z"]
) -> tuple[Float[Tensor, "Z F"], Float[Tensor, " Z"]]:
    """Weight and bias of the linear map from `known` to `wanted`, by least squares with a small ridge."""
    mean, aim = known.double().mean(0), wanted.double().mean(0)
    x, y = known.double() - mean, wanted.double() - aim
    penalty = RIDGE * x.square().mean() * torch.eye(x.shape[1], dtype=torch.float64)
    weight = torch.linalg.solve(x.T @ x + penalty, x.T @ y).T
    return weight.float(), (aim - weight @ mean).float()


def found_by(
    generator: nn.Module, latent_dim: int, classes: int, judge: Judge, seed: int = 0
) -> tuple[list[Direction], Guess]:
    """Slant, thickness, width and two principal directions of a generator, and its guess, all from `SAMPLES` images."""
    latents = draw_latents(SAMPLES, latent_dim, seed)
    asked = [one_hot(torch.arange(SAMPLES) % classes, classes).float()] if classes else []
    pixels = draw_images(generator, torch.cat([latents, *asked], 1))
    directions = [*measured(latents, pixels), *principal(generator, latent_dim)]
    return directions, guess(latents, judge.look(pixels).features)
