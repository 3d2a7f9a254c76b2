"""Metrics between two sets of images: pure functions of a frozen classifier's features and probabilities.

The nearest-neighbour functions compute `CHUNK` rows of distances at a time, so that 10,000 against 10,000 images need
40 MB.

    N, M  images      B  images of a block      C  rows of a chunk      F  features      K  classes
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

Features = Float[Tensor, "N F"]
OtherFeatures = Float[Tensor, "M F"]
Probabilities = Float[Tensor, "N K"]

NUM_NEIGHBOURS = 5
"""k of precision, recall, density and coverage (Naeem et al. 2020)."""

LOW_CONFIDENCE = 0.9
"""Probability of the likeliest class below which an image counts as broken or ambiguous."""

CHUNK = 1000
"""Rows of a distance matrix in memory at a time."""


def frechet_distance(real: Features, fake: OtherFeatures) -> float:
    """|m_r - m_f|^2 + tr(C_r + C_f - 2 (C_r C_f)^(1/2)) of normal distributions fitted to the features.

    Heusel et al. 2017, equation 6, in float64. The matrix under the root is C_r^(1/2) C_f C_r^(1/2), which has the same
    trace of the root and is symmetric, so that rounding makes no eigenvalue complex.
    """
    (real_mean, real_covariance), (fake_mean, fake_covariance) = _mean_and_covariance(real), _mean_and_covariance(fake)
    values, vectors = torch.linalg.eigh(real_covariance)
    real_root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    root_trace = torch.linalg.eigvalsh(real_root @ fake_covariance @ real_root).clamp_min(0).sqrt().sum()
    shift = (real_mean - fake_mean).square().sum()
    return (shift + real_covariance.trace() + fake_covariance.trace() - 2 * root_trace).clamp_min(0).item()


def _mean_and_covariance(features: Features) -> tuple[Float[Tensor, " F"], Float[Tensor, "F F"]]:
    double = features.double()
    mean = double.mean(0)
    centred = double - mean
    return mean, centred.T @ centred / (len(double) - 1)


def kid(real: Features, fake: OtherFeatures, block: int = CHUNK) -> float:
    """Kernel inception distance: squared maximum mean discrepancy under k(x, y) = (x . y / F + 1)^3, unbiased.

    Binkowski et al. 2018. Mean over disjoint blocks of `block` images of each set; images left over are not used.
    """
    block = min(block, len(real), len(fake))
    pairs = zip(real.double().split(block), fake.double().split(block), strict=False)
    return torch.stack([_squared_mmd(x, y) for x, y in pairs if len(x) == len(y) == block]).mean().item()


def _squared_mmd(x: Float[Tensor, "B F"], y: Float[Tensor, "B F"]) -> Float[Tensor, ""]:
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T / a.shape[1] + 1) ** 3

    def mean_off_diagonal(gram: Tensor) -> Tensor:
        return (gram.sum() - gram.trace()) / (len(gram) * (len(gram) - 1))

    return mean_off_diagonal(kernel(x, x)) + mean_off_diagonal(kernel(y, y)) - 2 * kernel(x, y).mean()


@dataclass(frozen=True)
class PRDC:
    """Precision, recall, density and coverage of a set of fake images.

    The neighbourhood of an image is the ball around it, in feature space, that reaches to its k-th nearest neighbour in
    its own set.
    """

    precision: float
    """Fraction of fake images in the neighbourhood of a real one (Kynkaanniemi et al. 2019)."""

    recall: float
    """Fraction of real images in the neighbourhood of a fake one (Kynkaanniemi et al. 2019)."""

    density: float
    """Mean number of real neighbourhoods that contain a fake image, over k (Naeem et al. 2020); 1 for equal
    distributions."""

    coverage: float
    """Fraction of real images with a fake one in their neighbourhood (Naeem et al. 2020)."""


def knn_radii(features: Features, k: int = NUM_NEIGHBOURS) -> Float[Tensor, " N"]:
    """Squared distance from each image to its k-th nearest other one.

    Raises:
        ValueError: there are no more than k images.
    """
    if len(features) <= k:
        raise ValueError(f"features: {len(features)} images have no {k} neighbours; pass at least {k + 1}")
    radii = []
    for start, distances in _squared_distances(features, features):
        rows = torch.arange(len(distances))
        distances[rows, start + rows] = torch.inf  # an image is not its own neighbour
        radii.append(distances.topk(k, largest=False).values[:, -1])
    return torch.cat(radii)


def prdc(
    real: Features, fake: OtherFeatures, k: int = NUM_NEIGHBOURS, real_radii: Float[Tensor, " N"] | None = None
) -> PRDC:
    """Precision, recall, density and coverage of fake images.

    Args:
        real: features of real images.
        fake: features of generated images.
        k: neighbours that define a neighbourhood.
        real_radii: `knn_radii(real, k)`, if computed before; it does not depend on the fake images.

    Raises:
        ValueError: there are no more than k images in a set.
    """
    real_radii = knn_radii(real, k) if real_radii is None else real_radii
    fake_radii = knn_radii(fake, k)
    num_memberships, is_precise = 0, torch.zeros(len(fake), dtype=torch.bool)
    is_recalled, is_covered = [], []
    for start, distances in _squared_distances(real, fake):
        in_real_ball = distances < real_radii[start : start + len(distances), None]
        num_memberships += int(in_real_ball.count_nonzero())
        is_precise |= in_real_ball.any(0)
        is_covered.append(in_real_ball.any(1))
        is_recalled.append((distances < fake_radii).any(1))
    return PRDC(
        precision=is_precise.double().mean().item(),
        recall=torch.cat(is_recalled).double().mean().item(),
        density=num_memberships / (k * len(fake)),
        coverage=torch.cat(is_covered).double().mean().item(),
    )


def nearest_distances(features: Features, others: OtherFeatures) -> Float[Tensor, " N"]:
    """Distance from each image to the nearest one of another set, exactly zero if it is a member of that set.

    Compared with the distances of test images, it shows whether a generator copies its training images.
    """
    nearest = torch.cat([distances.argmin(1) for _, distances in _squared_distances(features, others)])
    return (features - others[nearest]).norm(dim=1)


def _squared_distances(a: Features, b: OtherFeatures) -> Iterator[tuple[int, Float[Tensor, "C M"]]]:
    """Squared distances from `CHUNK` rows of `a` at a time to all of `b`, with the index of the first row."""
    centre = b.mean(0)  # |x|^2 + |y|^2 - 2 x.y cancels less near the origin
    a, b = a - centre, b - centre
    squares = b.square().sum(1)
    for start in range(0, len(a), CHUNK):
        rows = a[start : start + CHUNK]
        distances = torch.addmm(squares.expand(len(rows), -1), rows, b.T, alpha=-2)
        yield start, distances.add_(rows.square().sum(1, keepdim=True)).clamp_min_(0)


def inception_score(probabilities: Probabilities) -> float:
    """Inception score, exp E KL(p(y|x) || p(y)), from 1 to K, with another classifier (Salimans et al. 2016).

    High if each image is classified confidently and the classes are balanced. It notices neither blur nor repetition.
    """
    p = probabilities.double()
    divergence = torch.special.xlogy(p, p) - torch.special.xlogy(p, p.mean(0))
    return divergence.sum(1).mean().exp().item()


def class_frequencies(probabilities: Probabilities) -> Float[Tensor, " K"]:
    """Fraction of the images in each class, each image in its likeliest class."""
    return torch.bincount(probabilities.argmax(1), minlength=probabilities.shape[1]).double() / len(probabilities)


def total_variation(p: Float[Tensor, " K"], q: Float[Tensor, " K"]) -> float:
    """Total variation distance of two distributions over classes: 0 if they are equal, 1 if they are disjoint."""
    return (p - q).abs().sum().item() / 2


def mean_confidence(probabilities: Probabilities) -> float:
    """Mean probability of the likeliest class."""
    return probabilities.max(1).values.double().mean().item()


def low_confidence_fraction(probabilities: Probabilities) -> float:
    """Fraction of the images whose likeliest class has a probability below `LOW_CONFIDENCE`."""
    return (probabilities.max(1).values < LOW_CONFIDENCE).double().mean().item()


def class_accuracy(probabilities: Probabilities, labels: Int64[Tensor, " N"]) -> float:
    """Fraction of the images whose likeliest class is their label."""
    return (probabilities.argmax(1) == labels).double().mean().item()
