"""Generator-discriminator pairs.

A class-conditional generator reads the class as K more latents, one of them 1 and the others 0; a class-conditional
discriminator has one logit for each class, and the one of the class asked for counts. So a generator maps `[B, Z + K]`
to `[B, channels, 28, 28]` in -1 to 1 and a discriminator maps images to logits `[B]`, or `[B, K]` if there are classes;
above 0 where an image is taken for real.

    B  images      Z  latent dimensions      K  classes, 0 if unconditional

To add a pair, write its two networks and add one line to `PAIRS`.
"""

from collections.abc import Callable

from torch import nn

from palingen.adversarial.convolutional import (
    ConvDiscriminator,
    ConvGenerator,
    ResidualDiscriminator,
    ResidualGenerator,
)
from palingen.adversarial.images import SIDE

SLOPE = 0.2
"""LeakyReLU's slope below zero."""

Pair = tuple[nn.Module, nn.Module]


class MlpGenerator(nn.Sequential):
    """The course's generator: Z-128-256-512-1024-784, BatchNorm from the second hidden layer on, tanh at the end.

    Latents `[B, Z]` to images `[B, 1, 28, 28]` in -1 to 1.
    """

    def __init__(self, latent_dim: int, batchnorm_eps: float, channels: int = 1) -> None:
        layers: list[nn.Module] = [nn.Linear(latent_dim, 128), nn.LeakyReLU(SLOPE)]
        for before, after in ((128, 256), (256, 512), (512, 1024)):
            layers += [nn.Linear(before, after), nn.BatchNorm1d(after, eps=batchnorm_eps), nn.LeakyReLU(SLOPE)]
        layers += [nn.Linear(1024, channels * SIDE * SIDE), nn.Tanh(), nn.Unflatten(1, (channels, SIDE, SIDE))]
        super().__init__(*layers)


class MlpDiscriminator(nn.Sequential):
    """The course's discriminator: 784-512-256-1. Its sigmoid is part of the loss.

    Images `[B, 1, 28, 28]` to logits `[B]`, above 0 where an image is taken for real.
    """

    def __init__(self, channels: int = 1, classes: int = 0) -> None:
        layers: list[nn.Module] = [
            nn.Flatten(),
            nn.Linear(channels * SIDE * SIDE, 512),
            nn.LeakyReLU(SLOPE),
            nn.Linear(512, 256),
            nn.LeakyReLU(SLOPE),
            nn.Linear(256, max(classes, 1)),
        ]
        super().__init__(*layers, *([] if classes else [nn.Flatten(0)]))


def mlp(latent_dim: int, batchnorm_eps: float, channels: int = 1, classes: int = 0) -> Pair:
    """The course's pair."""
    return MlpGenerator(latent_dim + classes, batchnorm_eps, channels), MlpDiscriminator(channels, classes)


def conv(latent_dim: int, batchnorm_eps: float, channels: int = 1, classes: int = 0) -> Pair:
    """A small DCGAN."""
    return ConvGenerator(latent_dim + classes, batchnorm_eps, channels), ConvDiscriminator(channels, classes)


def residual(latent_dim: int, batchnorm_eps: float, channels: int = 1, classes: int = 0) -> Pair:
    """Strided convolutions around a residual block, each way; no normalisation."""
    return ResidualGenerator(latent_dim + classes, channels), ResidualDiscriminator(channels, classes)


PAIRS: dict[str, Callable[[int, float, int, int], Pair]] = {"mlp": mlp, "conv": conv, "residual": residual}
