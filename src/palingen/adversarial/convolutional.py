"""Convolutional networks for 28 x 28: a small DCGAN and a residual pair without normalisation.

B  images      Z  inputs of the generator (latents, and classes if there are any)
"""

from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, leaky_relu

SLOPE = 0.2
"""LeakyReLU's slope below zero."""

BRANCH = 0.3
"""Gain of a block's second convolution: at first its straight part is the louder one."""

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d, nn.ConvTranspose2d)

Latents = Float[Tensor, "B Z"]
Images = Float[Tensor, "B channels 28 28"]
Maps = Float[Tensor, "B before h w"]
Resampled = Float[Tensor, "B after H W"]
Logits = Float[Tensor, "B"] | Float[Tensor, "B K"]


class ConvGenerator(nn.Sequential):
    """DCGAN's generator for 28 x 28 (Radford et al. 2016): 7 x 7, 14 x 14, 28 x 28 by transposed convolutions."""

    def __init__(self, inputs: int, batchnorm_eps: float, channels: int) -> None:
        super().__init__(
            nn.Linear(inputs, 128 * 7 * 7),
            nn.Unflatten(1, (128, 7, 7)),
            nn.BatchNorm2d(128, eps=batchnorm_eps),
            nn.ReLU(),
            nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1),
            nn.BatchNorm2d(64, eps=batchnorm_eps),
            nn.ReLU(),
            nn.ConvTranspose2d(64, channels, 4, stride=2, padding=1),
            nn.Tanh(),
        )
        self.apply(_dcgan_weights)


class ConvDiscriminator(nn.Sequential):
    """DCGAN's discriminator for 28 x 28, without BatchNorm: it looks at each image by itself."""

    def __init__(self, channels: int, classes: int) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(channels, 64, 4, stride=2, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(64, 128, 4, stride=2, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Flatten(),
            nn.Linear(128 * 7 * 7, max(classes, 1)),
        ]
        super().__init__(*layers, *([] if classes else [nn.Flatten(0)]))
        self.apply(_dcgan_weights)


def _dcgan_weights(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(layer.weight, std=0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


class Grow(nn.Module):
    """A residual block that doubles height and width in its first convolution; its straight part does so evenly."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first, self.second = _doubling(before, after), _convolution(after, after, gain=BRANCH)
        self.skip = _linear(nn.Conv2d(before, after, 1, bias=False))

    def forward(self, maps: Maps) -> Resampled:
        """[B, before, h, w] to [B, after, 2h, 2w]."""
        hidden = self.first(leaky_relu(maps, SLOPE))
        straight = interpolate(self.skip(maps), scale_factor=2, mode="bilinear")
        return straight + self.second(leaky_relu(hidden, SLOPE))


class Shrink(nn.Module):
    """A residual block that halves height and width in its first convolution; its straight part does so evenly."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first, self.second = _halving(before, after), _convolution(after, after, gain=BRANCH)
        self.skip = _linear(nn.Conv2d(before, after, 1, bias=False))

    def forward(self, maps: Maps) -> Resampled:
        """[B, before, 2h, 2w] to [B, after, h, w]."""
        hidden = self.first(leaky_relu(maps, SLOPE))
        return self.skip(avg_pool2d(maps, 2)) + self.second(leaky_relu(hidden, SLOPE))


class ResidualGenerator(nn.Module):
    """Inputs to 7 x 7 by two linear layers, a block to 14 x 14, painted at 28 x 28; no normalisation anywhere."""

    def __init__(self, inputs: int, channels: int, widths: tuple[int, int, int] = (128, 96, 48)) -> None:
        super().__init__()
        mapped, wide, narrow = widths
        self.start = nn.Sequential(
            _linear(nn.Linear(inputs, mapped)),
            nn.LeakyReLU(SLOPE),
            _spread(nn.Linear(mapped, wide * 7 * 7), mapped),
            nn.Unflatten(1, (wide, 7, 7)),
        )
        self.block = Grow(wide, narrow)
        self.paint = _doubling(narrow, channels)

    def forward(self, latents: Latents) -> Images:
        """Images in -1 to 1; tanh makes an even black easy, and needs a slow start: all black is its flat end."""
        maps = self.start(latents).contiguous(memory_format=torch.channels_last)  # what follows is faster on it
        return torch.tanh(self.paint(leaky_relu(self.block(maps), SLOPE)))


class ResidualDiscriminator(nn.Module):
    """28 x 28 seen at 14 x 14, a block to 7 x 7, then two linear layers; no normalisation anywhere."""

    def __init__(self, channels: int, classes: int, widths: tuple[int, int] = (48, 96)) -> None:
        super().__init__()
        narrow, wide = widths
        self.look = _halving(channels, narrow)
        self.block = Shrink(narrow, wide)
        self.read = _linear(nn.Linear(wide * 7 * 7, 80))
        self.judge = _linear(nn.Linear(80, max(classes, 1)))
        self.classes = classes

    def forward(self, images: Images) -> Logits:
        """Logits, above 0 where an image is taken for real."""
        maps = leaky_relu(self.block(self.look(images)), SLOPE)
        places = maps.permute(0, 2, 3, 1).flatten(1)  # as they lie in memory
        with torch.autocast(images.device.type, enabled=False):  # half precision blurs what tells real from fake
            logits = self.judge(leaky_relu(self.read(places.to(self.read.weight.dtype)), SLOPE))
        return logits if self.classes else logits.flatten()


def _doubling(before: int, after: int) -> nn.ConvTranspose2d:
    """A transposed 4 x 4 convolution to twice the side, four weights a channel to each pixel; spread as below."""
    layer = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)
    return _spread(layer, before * 4)


def _halving(before: int, after: int) -> nn.Conv2d:
    """A 4 x 4 convolution to half the side; spread as below."""
    layer = nn.Conv2d(before, after, 4, stride=2, padding=1)
    return _spread(layer, before * 16)


def _convolution(before: int, after: int, gain: float = 1.0) -> nn.Conv2d:
    """A 3 x 3 convolution that keeps the spread of what a LeakyReLU lets through, times a gain."""
    return _spread(nn.Conv2d(before, after, 3, padding=1), before * 9, gain)


def _spread(layer: Layer, weights: int, gain: float = 1.0) -> Layer:
    """So that as many weights keep the spread of what a LeakyReLU lets through, times a gain; no bias at first."""
    nn.init.normal_(layer.weight, std=gain * nn.init.calculate_gain("leaky_relu", SLOPE) * weights**-0.5)
    return _unbiased(layer)


def _linear(layer: Layer) -> Layer:
    """The same layer with weights that keep their input's spread, and no bias at first."""
    nn.init.normal_(layer.weight, std=layer.weight[0].numel() ** -0.5)
    return _unbiased(layer)


def _unbiased(layer: Layer) -> Layer:
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
