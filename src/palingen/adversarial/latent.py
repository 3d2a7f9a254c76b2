"""The latent space: draw from it, walk through it, lay what it holds out in a grid.

B  latents or images      Z  latent dimensions      S  points of a walk
"""

from math import ceil, sqrt

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Generator, Tensor, nn
from torch.nn.functional import one_hot

from palingen.adversarial.images import to_pixels

GAP = 2
"""Pixels between two images of a grid."""


def draw_latents(count: int, latent_dim: int, seed: int) -> Float[Tensor, "B Z"]:
    """Z ~ N(0, I), the same for the same count and seed on every device."""
    return torch.randn(count, latent_dim, generator=Generator().manual_seed(seed))


def truncate(latents: Float[Tensor, "B Z"], share: float) -> Float[Tensor, "B Z"]:
    """Those longer than `share` times sqrt(Z), the length of a typical one, shortened to that length.

    What the truncation trick (Brock et al. 2019, section 3.1) does to each number by itself, done to their length: the
    rarest latents give up some variety for likeness.
    """
    longest = share * sqrt(latents.shape[1])
    return latents * (longest / latents.norm(dim=1, keepdim=True)).clamp(max=1)


def with_classes(
    latents: Float[Tensor, "B Z"], labels: Int64[Tensor, " B"] | None, classes: int
) -> Float[Tensor, "B Z_and_K"]:
    """Latents followed by the class in one-hot form, as a class-conditional generator reads them; else as they are."""
    if labels is None:
        return latents
    return torch.cat([latents, one_hot(labels, classes).to(latents.dtype)], 1)


@torch.no_grad()
def draw(generator: nn.Module, latents: Float[Tensor, "B Z"]) -> Float[Tensor, "B channels 28 28"]:
    """The generator's images in -1 to 1, its BatchNorm in evaluation mode, whatever mode it is in."""
    training = generator.training
    generator.eval()
    device = next(generator.parameters()).device
    images = torch.cat([generator(part.to(device)).cpu() for part in latents.split(1000)])
    generator.train(training)
    return images.clamp(-1, 1)


def draw_images(generator: nn.Module, latents: Float[Tensor, "B Z"]) -> UInt8[Tensor, "B 28 width"]:
    """The same as grey levels, several channels side by side."""
    return to_pixels(draw(generator, latents).transpose(1, 2).flatten(2))


def lerp(a: Float[Tensor, " Z"], b: Float[Tensor, " Z"], fractions: Float[Tensor, " S"]) -> Float[Tensor, "S Z"]:
    """The straight line from `a` to `b`."""
    t = fractions.unsqueeze(1)
    return (1 - t) * a + t * b


def slerp(a: Float[Tensor, " Z"], b: Float[Tensor, " Z"], fractions: Float[Tensor, " S"]) -> Float[Tensor, "S Z"]:
    """The arc from `a` to `b` (Shoemake 1985), which stays in the shell where normal latents lie (White 2016).

    The midpoint of the straight line between two independent latents is shorter by sqrt(2), a length that training
    hardly ever shows.
    """
    t = fractions.unsqueeze(1)
    angle = torch.acos(torch.clamp(torch.dot(a / a.norm(), b / b.norm()), -1, 1))
    if angle.sin() < 1e-6:  # the two point the same way (or opposite ways, where no arc is the shortest)
        return lerp(a, b, fractions)
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / angle.sin()


WALKS = {"linear": lerp, "spherical": slerp}


def endpoints(
    probabilities: Float[Tensor, "B K"], pair: tuple[int, int] | None = None, sure: float = 0.999
) -> tuple[int, int] | None:
    """Two images of different classes: the first two that a classifier is sure of, else the two it is surest of.

    Args:
        probabilities: of K classes, by a classifier.
        pair: the two classes wanted, else any two.
        sure: the confidence that is enough.

    Returns:
        Their positions, or None if there are no two of such classes.
    """
    confidence, label = probabilities.max(1)
    rank = torch.where(confidence >= sure, torch.tensor(2.0), confidence)
    order: Int64[Tensor, " B"] = rank.argsort(descending=True, stable=True)
    first = [int(i) for i in order if pair is None or label[i] == pair[0]][:1]
    other = [int(i) for i in order if first and label[i] != label[first[0]] and (not pair or label[i] == pair[1])][:1]
    return (first[0], other[0]) if other else None


def grid(pixels: UInt8[Tensor, "B h w"], columns: int, scale: int = 4) -> UInt8[Tensor, "H W"]:
    """Images side by side, row by row, each pixel `scale` wide, `GAP` scaled pixels between them."""
    count, height, width = pixels.shape
    rows = ceil(count / columns)
    sheet = torch.zeros(rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, dtype=torch.uint8)
    for place, image in enumerate(pixels):
        top, left = place // columns * (height + GAP), place % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = image
    return sheet.repeat_interleave(scale, 0).repeat_interleave(scale, 1)
