"""Frechet distance between features of real and of generated images as a loss, class by class.

For one network and one class, with mean m and covariance C of the generated features, m_r and C_r of the real ones,

    FD = |m - m_r|^2 + tr C + tr C_r - 2 tr (C_r^(1/2) C C_r^(1/2))^(1/2),
    dFD/dm = 2 (m - m_r),      dFD/dC = I - C_r^(1/2) (C_r^(1/2) C C_r^(1/2))^(-1/2) C_r^(1/2) =: W,

so that the gradient with respect to the feature f_i of one of n images is 2 (m - m_r + W (f_i - m)) / n. A batch is too
small for a covariance: m and C are running averages over batches, and W, which changes slowly, is updated every few
steps. After "Representation Frechet loss for visual generation" (arXiv 2604.28190); classes and the closed gradient are
ours.

    K  classes, 1 if all images are one group      n  images of a class      F  features
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from palingen.runtime.errors import DivergenceError

Features = Float[Tensor, "B F"]
Moments = tuple[Float[Tensor, "K F"], Float[Tensor, "K F F"]]
"""Mean of the features, and mean of their outer products, by class."""

FRECHET_BATCH = 500
"""Generated images of a matching step, equally many of every class."""

PAST = 0.95
"""Weight of the past in the running moments. With 0.98 they lag behind a generator that changes quickly."""

SMALLEST_ROOT = 1e-3
"""Smallest singular value of the root that is inverted, as a fraction of the largest."""


class FrechetLoss:
    """Gradient of the Frechet distance of one network's features, relative to the distance at the start.

    Args:
        num_groups: classes K, or 1 to compare all images as one group.
        num_features: features F.
        device: where the features are.
    """

    def __init__(self, num_groups: int, num_features: int, device: torch.device) -> None:
        vector, matrix = (num_groups, num_features), (num_groups, num_features, num_features)
        self.real_mean = torch.zeros(vector, dtype=torch.float64, device=device)
        self.real_covariance = torch.zeros(matrix, dtype=torch.float64, device=device)
        self.real_root = torch.zeros_like(self.real_covariance)
        self.mean, self.outer = torch.zeros(vector, device=device), torch.zeros(matrix, device=device)
        self.weight = torch.zeros(matrix, device=device)  # W
        self.first = torch.ones((), dtype=torch.float64, device=device)

    def set_real(self, features: Features, labels: Int64[Tensor, " B"] | None) -> None:
        """Compute the moments of real images; `labels` are their classes, 0 to K - 1, or None for one group."""
        groups = [features] if labels is None else [features[labels == label] for label in range(len(self.mean))]
        for index, group in enumerate(groups):
            self.real_mean[index] = group.double().mean(0)
            self.real_covariance[index] = torch.cov(group.double().T)
        self.real_root.copy_(_root(self.real_covariance))

    def start(self, batches: Sequence[Moments]) -> None:
        """Set the running moments from those of several batches; their distance becomes the unit."""
        self.mean.copy_(torch.stack([mean for mean, _ in batches]).mean(0))
        self.outer.copy_(torch.stack([outer for _, outer in batches]).mean(0))
        self.first.copy_(self.update_weight())

    def moments(self, features: Features) -> Moments:
        """Moments of a batch with equally many images of every class, sorted by class."""
        groups = features.detach().float().view(len(self.mean), -1, features.shape[1])
        return groups.mean(1), groups.mT @ groups / groups.shape[1]

    def update_moments(self, batch: Moments) -> None:
        """Include the moments of a batch in the running ones."""
        self.mean.lerp_(batch[0], 1 - PAST)
        self.outer.lerp_(batch[1], 1 - PAST)

    def update_weight(self) -> Float[Tensor, ""]:
        """Compute W from the running moments; return their Frechet distance, the mean of those of the classes.

        Raises:
            DivergenceError: a moment is not finite.
        """
        mean, outer = self.mean.double(), self.outer.double()
        covariance = outer - mean.unsqueeze(-1) * mean.unsqueeze(-2)
        if not covariance.isfinite().all():
            raise DivergenceError("the Frechet loss is no longer a finite number; try a smaller frechet_learning_rate")
        values, vectors = torch.linalg.eigh(self.real_root @ covariance @ self.real_root)
        roots = values.clamp_min(0).sqrt()
        floored = torch.maximum(roots, SMALLEST_ROOT * roots.amax(-1, keepdim=True))
        inverse = torch.where(floored > 0, 1 / floored, 0.0)  # all roots are 0 where real or generated images are alike
        inverse_root = (vectors * inverse.unsqueeze(-2)) @ vectors.mT
        identity = torch.eye(mean.shape[1], dtype=mean.dtype, device=mean.device)
        self.weight.copy_(identity - self.real_root @ inverse_root @ self.real_root)
        traces = _trace(covariance) + _trace(self.real_covariance) - 2 * roots.sum(-1)
        return ((mean - self.real_mean).square().sum(-1) + traces).mean()

    def gradient(self, features: Features) -> Features:
        """Gradient of the relative distance, averaged over the classes, with respect to a batch's features."""
        groups = features.detach().float().view(len(self.mean), -1, features.shape[1])
        shift = (self.mean - self.real_mean.float()).unsqueeze(1)
        gradient = 2 * (shift + (groups - self.mean.unsqueeze(1)) @ self.weight) / len(features)
        return (gradient / self.first).view_as(features).to(features.dtype)

    def state_dict(self) -> dict[str, Any]:
        """Real and running moments."""
        return vars(self)

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Restore the moments."""
        for name, tensor in vars(self).items():
            tensor.copy_(state[name])


def _root(matrix: Float[Tensor, "K F F"]) -> Float[Tensor, "K F F"]:
    """Square roots of symmetric matrices without negative eigenvalues."""
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(0).sqrt().unsqueeze(-2)) @ vectors.mT


def _trace(matrix: Float[Tensor, "K F F"]) -> Float[Tensor, " K"]:
    return matrix.diagonal(dim1=-2, dim2=-1).sum(-1)
