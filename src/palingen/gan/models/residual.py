"""Residual generator and discriminator for 28 x 28 images, without normalisation.

B  images      Z  inputs of the generator (latents, and one-hot classes if conditional)      K  classes
"""

import copy

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, leaky_relu

from palingen.gan.models.init import LEAKY_SLOPE, kaiming_init, lecun_init

BRANCH_GAIN = 0.3
"""Gain of a block's second convolution, so that the shortcut dominates at first."""

Latents = Float[Tensor, "B Z"]
Images = Float[Tensor, "B channels 28 28"]
Features = Float[Tensor, "B in_channels h w"]
Resampled = Float[Tensor, "B out_channels H W"]
Logits = Float[Tensor, "B"] | Float[Tensor, "B K"]


class UpBlock(nn.Module):
    """Residual block that doubles height and width: a transposed convolution, and a bilinear shortcut."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = (
            _up_conv(in_channels, out_channels),
            _same_conv(out_channels, out_channels, gain=BRANCH_GAIN),
        )
        self.shortcut = lecun_init(nn.Conv2d(in_channels, out_channels, 1, bias=False))

    def forward(self, features: Features) -> Resampled:
        """[B, in_channels, h, w] to [B, out_channels, 2h, 2w]."""
        hidden = self.conv1(leaky_relu(features, LEAKY_SLOPE))
        shortcut = interpolate(self.shortcut(features), scale_factor=2, mode="bilinear")
        return shortcut + self.conv2(leaky_relu(hidden, LEAKY_SLOPE))


class DownBlock(nn.Module):
    """Residual block that halves height and width: a strided convolution, and an average-pooled shortcut."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = (
            _down_conv(in_channels, out_channels),
            _same_conv(out_channels, out_channels, gain=BRANCH_GAIN),
        )
        self.shortcut = lecun_init(nn.Conv2d(in_channels, out_channels, 1, bias=False))

    def forward(self, features: Features) -> Resampled:
        """[B, in_channels, 2h, 2w] to [B, out_channels, h, w]."""
        hidden = self.conv1(leaky_relu(features, LEAKY_SLOPE))
        return self.shortcut(avg_pool2d(features, 2)) + self.conv2(leaky_relu(hidden, LEAKY_SLOPE))


class ResidualGenerator(nn.Module):
    """Two linear layers to 7 x 7, a block to 14 x 14, a transposed convolution to 28 x 28."""

    def __init__(self, inputs: int, channels: int, widths: tuple[int, int, int] = (128, 96, 48)) -> None:
        super().__init__()
        mapped, wide, narrow = widths
        self.stem = nn.Sequential(
            lecun_init(nn.Linear(inputs, mapped)),
            nn.LeakyReLU(LEAKY_SLOPE),
            kaiming_init(nn.Linear(mapped, wide * 7 * 7), mapped),
            nn.Unflatten(1, (wide, 7, 7)),
        )
        self.block = UpBlock(wide, narrow)
        self.to_image = _up_conv(narrow, channels)
        self.is_bounded = True

    @torch.no_grad()
    def unbound(self) -> None:
        """Leave out the tanh, before training: images are -1 for black and 1 for white, but may lie beyond.

        A tanh saturates at black, where most pixels are. Training starts near black; sampling clamps.
        """
        self.is_bounded = False
        self.to_image.weight.mul_(0.5)
        bias = self.to_image.get_parameter("bias")
        bias.fill_(-1.0)

    @torch.no_grad()
    def amplified(self, gain: float) -> "ResidualGenerator":
        """Copy whose output is multiplied by `gain`, for a generator without tanh."""
        amplified = copy.deepcopy(self)
        for parameter in amplified.to_image.parameters():
            parameter.mul_(gain)
        return amplified

    def forward(self, latents: Latents) -> Images:
        """Latents to images in [-1, 1]; beyond if unbound.

        tanh makes uniform black easy, but saturates there, so training must start slowly.
        """
        features = self.stem(latents).contiguous(memory_format=torch.channels_last)  # faster convolutions
        image: Tensor = self.to_image(leaky_relu(self.block(features), LEAKY_SLOPE))
        return image.tanh() if self.is_bounded else image


class ResidualDiscriminator(nn.Module):
    """A strided convolution to 14 x 14, a block to 7 x 7, two linear layers."""

    def __init__(self, channels: int, num_classes: int, widths: tuple[int, int] = (48, 96)) -> None:
        super().__init__()
        narrow, wide = widths
        self.from_image = _down_conv(channels, narrow)
        self.block = DownBlock(narrow, wide)
        self.fc = lecun_init(nn.Linear(wide * 7 * 7, 80))
        self.head = lecun_init(nn.Linear(80, max(num_classes, 1)))
        self.num_classes = num_classes

    def forward(self, images: Images) -> Logits:
        """Images to logits."""
        features = leaky_relu(self.block(self.from_image(images)), LEAKY_SLOPE)
        flat = features.permute(0, 2, 3, 1).flatten(1)  # the order in memory
        with torch.autocast(images.device.type, enabled=False):  # logits need float32 to tell real from fake
            logits = self.head(leaky_relu(self.fc(flat.to(self.fc.weight.dtype)), LEAKY_SLOPE))
        return logits if self.num_classes else logits.flatten()


def _up_conv(in_channels: int, out_channels: int) -> nn.ConvTranspose2d:
    """Transposed 4 x 4 convolution that doubles height and width; four weights a channel reach each output pixel."""
    layer = nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1)
    return kaiming_init(layer, in_channels * 4)


def _down_conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    """4 x 4 convolution that halves height and width."""
    layer = nn.Conv2d(in_channels, out_channels, 4, stride=2, padding=1)
    return kaiming_init(layer, in_channels * 16)


def _same_conv(in_channels: int, out_channels: int, gain: float = 1.0) -> nn.Conv2d:
    """3 x 3 convolution that keeps height and width."""
    return kaiming_init(nn.Conv2d(in_channels, out_channels, 3, padding=1), in_channels * 9, gain)
