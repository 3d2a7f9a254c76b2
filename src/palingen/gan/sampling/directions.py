"""Interpretable directions of latent space, and a linear estimate of an image's latents from its features.

B  images      Z  latent dimensions      F  features
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from palingen.gan.config import count_generator_classes
from palingen.gan.data.mnist import IMAGE_SIZE
from palingen.gan.sampling.latents import generate_pixels, sample_inputs
from palingen.runtime.errors import PalingenError

NUM_SAMPLES = 4000
"""Images on which the properties are measured and the regressions are fitted."""

MIN_SPREAD = 1e-3
"""Standard deviation of a property, in degrees or pixels, below which the images are alike but for rounding."""

RIDGE = 10.0
"""Strength of the ridge penalty, in samples: far fewer than there are."""


@dataclass(frozen=True)
class Direction:
    """Unit vector of latent space."""

    name: str
    vector: Float[Tensor, " Z"]

    explained: float
    """For a property, the fraction of its variance that is linear in the latents; for a principal direction, its
    fraction of the first layer's output variance."""

    effect: float | None = None
    """Mean change of the property per unit along the direction; None for a principal direction."""


@dataclass(frozen=True)
class LinearMap:
    """Linear map from features to latents."""

    weight: Float[Tensor, "Z F"]
    bias: Float[Tensor, " Z"]


def find_directions(
    generator: nn.Module,
    latent_dim: int,
    features_of: Callable[[UInt8[Tensor, "B 28 28"]], Float[Tensor, "B F"]],
    seed: int = 0,
) -> tuple[list[Direction], LinearMap]:
    """Find five directions of latent space, and a linear map from the features of an image to its latents.

    Args:
        generator: trained generator.
        latent_dim: dimensions of its latents.
        features_of: features of images, for the regression of latents on features.
        seed: seed of the latents.

    Returns:
        Directions of slant, thickness and width, two principal directions, and the linear map.

    Raises:
        PalingenError: there are no two directions, or all images are alike.
    """
    if latent_dim < 2:
        raise PalingenError(f"latent_dim={latent_dim}: must be at least 2, to explore two directions")
    inputs = sample_inputs(NUM_SAMPLES, latent_dim, count_generator_classes(generator), seed)
    latents, pixels = inputs[:, :latent_dim].contiguous(), generate_pixels(generator, inputs)
    if any(values.std() < MIN_SPREAD for values in measure_properties(pixels).values()):
        raise PalingenError("all images are alike, so that there is nothing to explore")
    directions = [*property_directions(latents, pixels), *principal_directions(generator, latent_dim)]
    return directions, fit_linear_map(features_of(pixels), latents)


def principal_directions(generator: nn.Module, latent_dim: int, count: int = 2) -> list[Direction]:
    """Right singular vectors of the first layer, which change its output most (Shen and Zhou 2021), strongest first."""
    first = next(layer for layer in generator.modules() if isinstance(layer, nn.Linear))
    weight = first.weight.detach().cpu()[:, :latent_dim]
    _, strengths, vectors = torch.linalg.svd(weight, full_matrices=False)
    explained = strengths**2 / (strengths**2).sum()
    return [Direction(f"principal {i + 1}", vectors[i], explained[i].item()) for i in range(count)]


def property_directions(latents: Float[Tensor, "B Z"], pixels: UInt8[Tensor, "B 28 28"]) -> list[Direction]:
    """Directions of slant (degrees to the right), thickness and width (pixels), by ridge regression on samples."""
    directions = []
    for name, values in measure_properties(pixels).items():
        gradient = fit_linear_map(latents, values.unsqueeze(1)).weight.squeeze(0)
        centred = values - values.mean()
        residual = centred - (latents - latents.mean(0)) @ gradient
        explained = 1 - (residual.square().mean() / centred.square().mean()).item()
        directions.append(Direction(name, gradient / gradient.norm(), explained, gradient.norm().item()))
    return directions


def measure_properties(pixels: UInt8[Tensor, "B 28 28"]) -> dict[str, Float[Tensor, " B"]]:
    """Slant in degrees, stroke thickness and width in pixels of each image, from the moments of its ink."""
    ink = pixels.float() / 255
    mass = ink.sum((1, 2)).clamp(min=1)
    positions = torch.arange(IMAGE_SIZE, dtype=torch.float32)
    x = (ink.sum(1) * positions).sum(1) / mass
    y = (ink.sum(2) * positions).sum(1) / mass
    dx, dy = positions - x[:, None], positions - y[:, None]
    xx = (ink.sum(1) * dx**2).sum(1) / mass
    yy = (ink.sum(2) * dy**2).sum(1) / mass
    xy = (ink * dy[:, :, None] * dx[:, None, :]).sum((1, 2)) / mass
    # A stroke has two edges, so its thickness is its ink over half the length of its edges.
    edges = (ink.diff(dim=1)[:, :, :-1].square() + ink.diff(dim=2)[:, :-1].square()).sqrt().sum((1, 2)).clamp(min=1)
    return {
        "slant": torch.rad2deg(torch.atan(-xy / yy.clamp(min=1e-3))),  # y grows downward
        "thickness": 2 * mass / edges,
        "width": 4 * xx.sqrt(),
    }


def fit_linear_map(inputs: Float[Tensor, "B F"], outputs: Float[Tensor, "B Z"]) -> LinearMap:
    """Least-squares linear map from `inputs` to `outputs`, with a small ridge penalty."""
    input_mean, output_mean = inputs.double().mean(0), outputs.double().mean(0)
    x, y = inputs.double() - input_mean, outputs.double() - output_mean
    penalty = RIDGE * x.square().mean() * torch.eye(x.shape[1], dtype=torch.float64)
    weight = torch.linalg.solve(x.T @ x + penalty, x.T @ y).T
    return LinearMap(weight.float(), (output_mean - weight @ input_mean).float())
