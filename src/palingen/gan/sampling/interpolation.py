"""Interpolation between two latents whose images belong to different classes.

B  latents or images      Z  latent dimensions      S  points of an interpolation      K  classes
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn

from palingen.gan.config import GanConfig
from palingen.gan.sampling.latents import generate_pixels, sample_inputs
from palingen.runtime.errors import PalingenError

NUM_CANDIDATES = 1000
"""Latents among which the endpoints are selected."""

Pixels = UInt8[Tensor, "B 28 28"]


@dataclass(frozen=True)
class Interpolation:
    """Images along an interpolation, endpoints included, with their predicted classes and confidences."""

    pixels: UInt8[Tensor, "S 28 28"]
    classes: list[int]
    confidences: list[float]


def lerp(a: Float[Tensor, " Z"], b: Float[Tensor, " Z"], fractions: Float[Tensor, " S"]) -> Float[Tensor, "S Z"]:
    """Linear interpolation from `a` to `b`."""
    t = fractions.unsqueeze(1)
    return (1 - t) * a + t * b


def slerp(a: Float[Tensor, " Z"], b: Float[Tensor, " Z"], fractions: Float[Tensor, " S"]) -> Float[Tensor, "S Z"]:
    """Spherical interpolation (Shoemake 1985), which keeps the typical norm of normal latents (White 2016).

    The midpoint of a straight line between two independent latents is shorter by sqrt(2), a norm that hardly ever
    occurs in training.
    """
    t = fractions.unsqueeze(1)
    angle = torch.acos(torch.clamp(torch.dot(a / a.norm(), b / b.norm()), -1, 1))
    if angle.sin() < 1e-6:  # same or opposite directions: no unique arc
        return lerp(a, b, fractions)
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / angle.sin()


INTERPOLATIONS = {"linear": lerp, "spherical": slerp}


def select_endpoints(
    probabilities: Float[Tensor, "B K"], classes: tuple[int, int] | None = None, min_confidence: float = 0.999
) -> tuple[int, int] | None:
    """Select two images of different classes: the first two above `min_confidence`, else the most confident two.

    Args:
        probabilities: class probabilities of the candidates.
        classes: classes of the two endpoints; any two by default.
        min_confidence: confidence that is sufficient.

    Returns:
        Positions of the two images, or None if there are no two of such classes.
    """
    confidence, label = probabilities.max(1)
    rank = torch.where(confidence >= min_confidence, torch.tensor(2.0), confidence)
    order: Int64[Tensor, " B"] = rank.argsort(descending=True, stable=True)
    start = next((int(i) for i in order if classes is None or label[i] == classes[0]), None)
    if start is None:
        return None
    others = (int(i) for i in order if label[i] != label[start] and (classes is None or label[i] == classes[1]))
    end = next(others, None)
    return None if end is None else (start, end)


def interpolate(
    generator: nn.Module,
    config: GanConfig,
    probabilities_of: Callable[[Pixels], Float[Tensor, "B K"]],
    *,
    steps: int = 7,
    seed: int = 0,
    classes: tuple[int, int] | None = None,
) -> dict[str, Interpolation]:
    """Interpolate, linearly and spherically, between two latents whose images are classified differently.

    Args:
        generator: trained generator.
        config: its config; a class-conditional generator also interpolates between the two one-hot classes.
        probabilities_of: frozen classifier, from grey levels to class probabilities.
        steps: images between the endpoints, so there are two more images.
        seed: seed of the candidate latents.
        classes: classes of the endpoints; by default any two that the classifier is confident of.

    Returns:
        An interpolation for each name in `INTERPOLATIONS`.

    Raises:
        PalingenError: no two candidates have such classes.
    """
    inputs = sample_inputs(NUM_CANDIDATES, config, seed)
    probabilities = probabilities_of(generate_pixels(generator, inputs))
    endpoints = select_endpoints(probabilities, classes)
    if endpoints is None:
        raise _no_endpoints(probabilities, classes)
    start, end = (inputs[endpoint] for endpoint in endpoints)
    fractions = torch.linspace(0, 1, steps + 2)
    interpolations = {}
    for name, function in INTERPOLATIONS.items():
        points = function(start[: config.latent_dim], end[: config.latent_dim], fractions)
        mixtures = lerp(start[config.latent_dim :], end[config.latent_dim :], fractions)
        pixels = generate_pixels(generator, torch.cat([points, mixtures], 1))
        confidences, predictions = probabilities_of(pixels).max(1)
        interpolations[name] = Interpolation(pixels, predictions.tolist(), confidences.tolist())
    return interpolations


def _no_endpoints(probabilities: Float[Tensor, "B K"], classes: tuple[int, int] | None) -> PalingenError:
    present = ", ".join(str(digit) for digit in sorted(set(probabilities.argmax(1).tolist())))
    requested = "different classes" if classes is None else f"the classes {classes[0]} and {classes[1]}"
    return PalingenError(
        f"no two of {len(probabilities)} images are of {requested}; the generator makes only {present}. "
        "Try another seed, other classes, or a longer training"
    )
