"""Operations of features beside the convolutions, in C++.

B  images      h, w, C  height, width and channels
"""

import ctypes

import torch
from jaxtyping import BFloat16, Float32
from torch import Tensor

from palingen.gan.models.init import LEAKY_SLOPE
from palingen.gan.steps.residual.library import call, empty

Features = BFloat16[Tensor, "B h w C"]
Pooled = BFloat16[Tensor, "B half_h half_w C"]


def channel_sums(features: Features, coefficients: Float32[Tensor, " B"] | None = None) -> Float32[Tensor, " C"]:
    """Sums over images and pixels, each image times its coefficient: gradient of a bias from that of its outputs."""
    sums = empty(features.shape[-1], dtype=torch.float32)
    images, height, width, channels = features.shape
    call("sum_channels", images, height * width, channels, features, coefficients, sums)
    return sums


def activate_and_pool(features: Features, reference: Features | None = None) -> tuple[Features, Pooled]:
    """LeakyReLU of the features, or their product with its slope at a reference; and their means of 2 x 2 pixels."""
    images, height, width, channels = features.shape
    activated, pooled = torch.empty_like(features), empty(images, height // 2, width // 2, channels)
    plane, slope = _plane(features), ctypes.c_float(LEAKY_SLOPE)
    call("activate_and_pool", images, plane, features, reference, slope, activated, pooled)
    return activated, pooled


def add_pool_gradient(gradient: Features, grad_pooled: Pooled) -> None:
    """Add to the gradient of features that of their means of 2 x 2 pixels."""
    call("add_pool_gradient", len(gradient), _plane(gradient), grad_pooled, gradient)


def _plane(features: Tensor) -> ctypes.Array[ctypes.c_long]:
    return (ctypes.c_long * 3)(*features.shape[1:])
