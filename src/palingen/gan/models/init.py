"""Weight initialisation of the generators and discriminators."""

from typing import TypeVar

from torch import nn

LEAKY_SLOPE = 0.2
"""Negative slope of every LeakyReLU in the GAN's networks."""

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


def kaiming_init(layer: Layer, fan_in: int, gain: float = 1.0) -> Layer:
    """Kaiming-normal weights with the given fan-in, times a gain; zero bias (He et al. 2015, for LeakyReLU)."""
    nn.init.normal_(layer.weight, std=gain * nn.init.calculate_gain("leaky_relu", LEAKY_SLOPE) * fan_in**-0.5)
    return _zero_bias(layer)


def lecun_init(layer: Layer) -> Layer:
    """LeCun-normal weights, which keep the variance of the input; zero bias."""
    nn.init.normal_(layer.weight, std=layer.weight[0].numel() ** -0.5)
    return _zero_bias(layer)


def dcgan_init(layer: nn.Module) -> None:
    """N(0, 0.02) weights and zero bias (Radford et al. 2016, section 4)."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(layer.weight, std=0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _zero_bias(layer: Layer) -> Layer:
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
