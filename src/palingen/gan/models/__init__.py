"""Generators and discriminators, by architecture.

A generator maps latents [B, Z + K] to images [B, channels, 28, 28] in [-1, 1]; a class-conditional one reads the class
as K further inputs in one-hot form. A discriminator maps images to logits [B], above 0 for images taken as real; a
class-conditional one to [B, K], of which the logit of the image's class counts.

    B  images      Z  latent dimensions      K  classes, 0 if unconditional

To add an architecture, write its two networks in a module of this package and add one line to `ARCHITECTURES` and to
`GanConfig.architecture`; a user's needs neither (`user_networks.py`). A discriminator must not use BatchNorm: one pass
serves real and fake images.
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import nn

from palingen.gan.models.dcgan import ConvDiscriminator, ConvGenerator
from palingen.gan.models.mlp import MlpDiscriminator, MlpGenerator
from palingen.gan.models.residual import ResidualDiscriminator, ResidualGenerator
from palingen.runtime.errors import ConfigError


class Networks(NamedTuple):
    """Generator and discriminator."""

    generator: nn.Module
    discriminator: nn.Module


def mlp(latent_dim: int, batchnorm_eps: float, channels: int = 1, num_classes: int = 0) -> Networks:
    """The course's fully connected networks."""
    generator = MlpGenerator(latent_dim + num_classes, batchnorm_eps, channels)
    return Networks(generator, MlpDiscriminator(channels, num_classes))


def conv(latent_dim: int, batchnorm_eps: float, channels: int = 1, num_classes: int = 0) -> Networks:
    """A small DCGAN."""
    generator = ConvGenerator(latent_dim + num_classes, batchnorm_eps, channels)
    return Networks(generator, ConvDiscriminator(channels, num_classes))


def residual(latent_dim: int, batchnorm_eps: float, channels: int = 1, num_classes: int = 0) -> Networks:
    """Residual networks without normalisation."""
    return Networks(ResidualGenerator(latent_dim + num_classes, channels), ResidualDiscriminator(channels, num_classes))


BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d | nn.SyncBatchNorm
"""Layers that mix the images of a batch."""

ARCHITECTURES: dict[str, Callable[[int, float, int, int], Networks]] = {"mlp": mlp, "conv": conv, "residual": residual}


def require_no_batchnorm(discriminator: nn.Module) -> None:
    """Check that a discriminator has no BatchNorm, which would mix the real and fake images of its one pass over both.

    Raises:
        ConfigError: it has one.
    """
    for name, layer in discriminator.named_modules():
        if isinstance(layer, BatchNorm):
            raise ConfigError(
                f"discriminator: layer {name!r} is {type(layer).__name__}, which mixes real and fake images in the one "
                "pass over both; use a discriminator without BatchNorm"
            )
