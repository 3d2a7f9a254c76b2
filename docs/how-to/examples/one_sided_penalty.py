"""Penalty on gradients longer than 1 only, between real and fake images (WGAN-LP, Petzka et al. 2018)."""

from torch.nn.functional import relu

from palingen import GradientPenalty


def of_norms(between, _):
    return relu((between + 1e-12).sqrt() - 1).square().mean()  # sqrt has no derivative at zero


OneSided = GradientPenalty(of_norms, interpolated=True)
