"""How alike two sets of images are: pure functions of what a frozen classifier makes of them.

The nearest-neighbour functions work through `CHUNK` rows at a time, so that 10,000 against 10,000 needs 40 MB.

    N, M  images      F  features      K  classes
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

Features = Float[Tensor, "N F"]
Probabilities = Float[Tensor, "N K"]

NEIGHBOURS = 5
"""k of precision, recall, density and coverage (Naeem et al. 2020)."""

CHUNK = 1000
"""Rows of a distance matrix that are in memory at a time."""


def frechet_distance(real: Features, fake: Float[Tensor, "M F"]) -> float:
    """|m_r - m_f|^2 + tr(C_r + C_f - 2 (C_r C_f)^(1/2)) of two normal distributions fitted to the features.

    The root is taken of C_r^(1/2) C_f C_r^(1/2), which has the same trace and is symmetric: its eigenvalues are real,
    and rounding makes none of them complex (Heusel et al. 2017, equation 6; float64 throughout).
    """
    (real_mean, real_covariance), (fake_mean, fake_covariance) = _moments(real), _moments(fake)
    values, vectors = torch.linalg.eigh(real_covariance)
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ fake_covariance @ root).clamp_min(0).sqrt().sum()
    shift = (real_mean - fake_mean).square().sum()
    return (shift + real_covariance.trace() + fake_covariance.trace() - 2 * overlap).clamp_min(0).item()


def _moments(features: Features) -> tuple[Float[Tensor, " F"], Float[Tensor, "F F"]]:
    double = features.double()
    mean = double.mean(0)
    centred = double - mean
    return mean, centred.T @ centred / (len(double) - 1)


def kernel_distance(real: Features, fake: Float[Tensor, "M F"], block: int = CHUNK) -> float:
    """Squared maximum mean discrepancy under k(x, y) = (x . y / F + 1)^3, unbiased: KID (Binkowski et al. 2018).

    The mean of the estimates from disjoint blocks of `block` images on each side, what is left over unused.
    """
    block = min(block, len(real), len(fake))
    pairs = zip(real.double().split(block), fake.double().split(block), strict=False)
    return torch.stack([_discrepancy(x, y) for x, y in pairs if len(x) == len(y) == block]).mean().item()


def _discrepancy(x: Float[Tensor, "B F"], y: Float[Tensor, "B F"]) -> Float[Tensor, ""]:
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T / a.shape[1] + 1) ** 3

    def between_others(gram: Tensor) -> Tensor:
        return (gram.sum() - gram.trace()) / (len(gram) * (len(gram) - 1))

    return between_others(kernel(x, x)) + between_others(kernel(y, y)) - 2 * kernel(x, y).mean()


@dataclass(frozen=True)
class Support:
    """How much of each set lies within reach of the other."""

    precision: float
    """Share of fake images that lie in the neighbourhood of some real one (Kynkaanniemi et al. 2019)."""

    recall: float
    """Share of real images that lie in the neighbourhood of some fake one."""

    density: float
    """In how many real neighbourhoods a fake image lies, over k: 1 for equal distributions (Naeem et al. 2020)."""

    coverage: float
    """Share of real images with a fake one in their neighbourhood."""


def radii(features: Features, k: int = NEIGHBOURS) -> Float[Tensor, " N"]:
    """The squared distance from each image to its k-th nearest other one: how far its neighbourhood reaches.

    Raises:
        ValueError: there are no k others.
    """
    if len(features) <= k:
        raise ValueError(f"{len(features)} images have no {k} neighbours each")
    reach = []
    for start, distances in _distances(features, features):
        rows = torch.arange(len(distances))
        distances[rows, start + rows] = torch.inf  # nobody is one's own neighbour
        reach.append(distances.topk(k, largest=False).values[:, -1])
    return torch.cat(reach)


def support(
    real: Features, fake: Float[Tensor, "M F"], k: int = NEIGHBOURS, real_radii: Float[Tensor, " N"] | None = None
) -> Support:
    """Precision, recall, density and coverage, with neighbourhoods that reach to the k-th nearest of one's own set.

    Args:
        real: features of real images.
        fake: features of generated images.
        k: neighbours.
        real_radii: `radii(real, k)` if at hand; they are the same for every fake set.
    """
    reach = radii(real, k) if real_radii is None else real_radii
    fake_reach = radii(fake, k)
    within, precise = 0, torch.zeros(len(fake), dtype=torch.bool)
    recalled, covered = [], []
    for start, distances in _distances(real, fake):
        inside = distances < reach[start : start + len(distances), None]
        within += int(inside.count_nonzero())
        precise |= inside.any(0)
        covered.append(inside.any(1))
        recalled.append((distances < fake_reach).any(1))
    return Support(
        precision=precise.double().mean().item(),
        recall=torch.cat(recalled).double().mean().item(),
        density=within / (k * len(fake)),
        coverage=torch.cat(covered).double().mean().item(),
    )


def nearest(features: Features, others: Float[Tensor, "M F"]) -> Float[Tensor, " N"]:
    """The distance from each image to the nearest of some others, exactly zero where it is one of them.

    Next to the same of test images it shows a generator that repeats its training images.
    """
    closest = torch.cat([distances.argmin(1) for _, distances in _distances(features, others)])
    return (features - others[closest]).norm(dim=1)


def _distances(a: Features, b: Float[Tensor, "M F"]) -> Iterator[tuple[int, Float[Tensor, "C M"]]]:
    """Squared distances from `CHUNK` rows of `a` at a time to all of `b`, with the place of the first row."""
    centre = b.mean(0)  # |x|^2 + |y|^2 - 2 x.y cancels less near the origin
    a, b = a - centre, b - centre
    squares = b.square().sum(1)
    for start in range(0, len(a), CHUNK):
        rows = a[start : start + CHUNK]
        distances = torch.addmm(squares.expand(len(rows), -1), rows, b.T, alpha=-2)
        yield start, distances.add_(rows.square().sum(1, keepdim=True)).clamp_min_(0)


def classifier_score(probabilities: Probabilities) -> float:
    """The exponential of E KL(p(y|x) || p(y)), from 1 to K: high if sure of each image and even over the classes.

    The inception score (Salimans et al. 2016) with another classifier; it sees neither blur nor repetition.
    """
    p = probabilities.double()
    gain = torch.special.xlogy(p, p) - torch.special.xlogy(p, p.mean(0))
    return gain.sum(1).mean().exp().item()


def class_shares(probabilities: Probabilities) -> Float[Tensor, " K"]:
    """How the images fall into the classes, each in its likeliest one."""
    return torch.bincount(probabilities.argmax(1), minlength=probabilities.shape[1]).double() / len(probabilities)


def total_variation(shares: Float[Tensor, " K"], others: Float[Tensor, " K"]) -> float:
    """Half the summed difference of two distributions over classes: 0 if they are the same, 1 if they never meet."""
    return (shares - others).abs().sum().item() / 2


def confidence(probabilities: Probabilities) -> float:
    """The mean probability of the likeliest class."""
    return probabilities.max(1).values.double().mean().item()


def agreement(probabilities: Probabilities, labels: Int64[Tensor, " N"]) -> float:
    """The share of images whose likeliest class is their label."""
    return (probabilities.argmax(1) == labels).double().mean().item()
