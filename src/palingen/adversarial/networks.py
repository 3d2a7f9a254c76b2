"""Generator-discriminator pairs.

    B  images      Z  latent dimensions

To add a pair, write its two networks and add one line to `PAIRS`.
"""

from collections.abc import Callable

from torch import nn

from palingen.adversarial.images import SIDE

SLOPE = 0.2
"""LeakyReLU's slope below zero."""


class MlpGenerator(nn.Sequential):
    """The course's generator: Z-128-256-512-1024-784, BatchNorm from the second hidden layer on, tanh at the end.

    Latents `[B, Z]` to images `[B, 1, 28, 28]` in -1 to 1.
    """

    def __init__(self, latent_dim: int, batchnorm_eps: float) -> None:
        layers: list[nn.Module] = [nn.Linear(latent_dim, 128), nn.LeakyReLU(SLOPE)]
        for before, after in ((128, 256), (256, 512), (512, 1024)):
            layers += [nn.Linear(before, after), nn.BatchNorm1d(after, eps=batchnorm_eps), nn.LeakyReLU(SLOPE)]
        layers += [nn.Linear(1024, SIDE * SIDE), nn.Tanh(), nn.Unflatten(1, (1, SIDE, SIDE))]
        super().__init__(*layers)


class MlpDiscriminator(nn.Sequential):
    """The course's discriminator: 784-512-256-1. Its sigmoid is part of the loss.

    Images `[B, 1, 28, 28]` to logits `[B]`, above 0 where an image is taken for real.
    """

    def __init__(self) -> None:
        super().__init__(
            nn.Flatten(),
            nn.Linear(SIDE * SIDE, 512),
            nn.LeakyReLU(SLOPE),
            nn.Linear(512, 256),
            nn.LeakyReLU(SLOPE),
            nn.Linear(256, 1),
            nn.Flatten(0),
        )


def mlp(latent_dim: int, batchnorm_eps: float) -> tuple[nn.Module, nn.Module]:
    """The course's pair."""
    return MlpGenerator(latent_dim, batchnorm_eps), MlpDiscriminator()


PAIRS: dict[str, Callable[[int, float], tuple[nn.Module, nn.Module]]] = {"mlp": mlp}
