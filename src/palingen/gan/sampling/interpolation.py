"""Interpolation between two latents whose images belong to different classes.

B  latents or images      Z  latent dimensions      S  points of an interpolation      K  classes
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn

from palingen.gan.config import count_generator_classes
from palingen.gan.data.mnist import DIGIT_NAMES
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
    class_names: tuple[str, ...] = DIGIT_NAMES

    @property
    def labels(self) -> list[int | str]:
        """Predicted classes as they are shown: digits as integers, others by name."""
        names = [self.class_names[index] for index in self.classes]
        return list(self.classes) if names == [*map(str, self.classes)] else list(names)


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
    latent_dim: int,
    probabilities_of: Callable[[Pixels], Float[Tensor, "B K"]],
    *,
    steps: int = 7,
    seed: int = 0,
    classes: tuple[int, int] | None = None,
    class_names: tuple[str, ...] = DIGIT_NAMES,
) -> dict[str, Interpolation]:
    """Interpolate, linearly and spherically, between two latents whose images are classified differently; by name.

    Args:
        generator: trained generator.
        latent_dim: dimensions of its latents; a class-conditional one also interpolates between the one-hot classes.
        probabilities_of: frozen classifier, from grey levels to class probabilities.
        steps: images between the endpoints, so there are two more images.
        seed: seed of the candidate latents.
        classes: classes of the endpoints; by default any two that the classifier is confident of.
        class_names: names of the K classes.

    Raises:
        PalingenError: no two candidates have such classes.
    """
    inputs = sample_inputs(NUM_CANDIDATES, latent_dim, count_generator_classes(generator), seed)
    probabilities = probabilities_of(generate_pixels(generator, inputs))
    endpoints = select_endpoints(probabilities, classes)
    if endpoints is None:
        raise _no_endpoints(probabilities, classes, class_names)
    start, end = (inputs[endpoint] for endpoint in endpoints)
    fractions = torch.linspace(0, 1, steps + 2)
    interpolations = {}
    for name, function in INTERPOLATIONS.items():
        points = function(start[:latent_dim], end[:latent_dim], fractions)
        mixtures = lerp(start[latent_dim:], end[latent_dim:], fractions)
        pixels = generate_pixels(generator, torch.cat([points, mixtures], 1))
        interpolations[name] = _classified(pixels, probabilities_of(pixels), class_names)
    return interpolations


def _classified(
    pixels: UInt8[Tensor, "S 28 28"], probabilities: Float[Tensor, "S K"], class_names: tuple[str, ...]
) -> Interpolation:
    confidences, predictions = probabilities.max(1)
    return Interpolation(pixels, predictions.tolist(), confidences.tolist(), class_names)


def _no_endpoints(
    probabilities: Float[Tensor, "B K"], classes: tuple[int, int] | None, names: tuple[str, ...]
) -> PalingenError:
    present = ", ".join(names[index] for index in sorted(set(probabilities.argmax(1).tolist())))
    requested = "different classes" if classes is None else f"the classes {names[classes[0]]} and {names[classes[1]]}"
    return PalingenError(
        f"no two of {len(probabilities)} images are of {requested}; the generator makes only {present}. "
        "Try another seed, other classes, or a longer training"
    )
