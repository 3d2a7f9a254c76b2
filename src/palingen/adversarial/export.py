"""A network as the explorer reads it: layers with their weights as text.

Weights are float16 in base64, biases float32. BatchNorm goes into the layer before it as one float32 factor a channel
and the bias, so that float16 weights (as the shipped ones are) stay what they are and nothing is rounded twice.
"""

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from palingen.adversarial.convolutional import SLOPE, ResidualGenerator
from palingen.adversarial.judge import Judge
from palingen.errors import PalingenError

Layer = dict[str, Any]

RELU: Layer = {"kind": "leaky", "slope": 0.0}


def halves(values: Float[Tensor, "..."]) -> str:
    """Little-endian float16 in base64."""
    return base64.b64encode(values.detach().cpu().contiguous().numpy().astype("<f2").tobytes()).decode()


def floats(values: Float[Tensor, "..."]) -> str:
    """Little-endian float32 in base64."""
    return base64.b64encode(values.detach().cpu().contiguous().numpy().astype("<f4").tobytes()).decode()


def greys(pixels: UInt8[Tensor, "..."]) -> str:
    """Pixels of 16 grey levels, two a byte, in base64."""
    levels = (pixels.numpy().astype(np.uint16) + 8) // 17
    pairs = levels.astype(np.uint8).reshape(-1, 2)
    return base64.b64encode((pairs[:, 0] << 4 | pairs[:, 1]).tobytes()).decode()


def generator_layers(generator: nn.Module) -> list[Layer]:
    """The layers of a generator of any pair.

    Raises:
        PalingenError: it holds a layer that the explorer does not know.
    """
    if isinstance(generator, ResidualGenerator):
        return list(_residual(generator))
    return list(_sequential([layer for layer in generator.modules() if not list(layer.children())]))


def judge_layers(judge: Judge) -> list[Layer]:
    """The layers of the judge, from images in -1 to 1 to logits; the last but one gives its features."""
    return [
        _map(judge.first, 28),
        RELU,
        _map(judge.second, 14),
        RELU,
        {"kind": "pool", "width": 14},
        _map(judge.third, 7),
        RELU,
        _linear(judge.fourth),
        RELU,
        _linear(judge.readout),
    ]


def _sequential(layers: list[nn.Module]) -> Iterator[Layer]:
    side = 1  # of the maps that a layer reads
    for place, layer in enumerate(layers):
        norm = next((later for later in layers[place + 1 :] if not isinstance(later, nn.Unflatten)), None)
        match layer:
            case nn.Linear():
                yield {**_linear(layer), **_folded(layer, norm)}
            case nn.ConvTranspose2d():
                yield {**_doubling(layer, side), **_folded(layer, norm)}
                side *= 2
            case nn.Unflatten():
                side = int(layer.unflattened_size[-1])
            case nn.LeakyReLU():
                yield {"kind": "leaky", "slope": layer.negative_slope}
            case nn.ReLU():
                yield RELU
            case nn.Tanh():
                yield {"kind": "tanh"}
            case nn.BatchNorm1d() | nn.BatchNorm2d():
                pass  # gone into the layer before
            case _:
                raise PalingenError(f"the explorer does not know layers of the kind {type(layer).__name__}")


def _folded(layer: nn.Linear | nn.ConvTranspose2d, norm: nn.Module | None) -> Layer:
    """A BatchNorm's statistics as a factor and a bias of the layer before it; nothing without a BatchNorm."""
    if not isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
        return {}
    mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    scale = norm.weight / torch.sqrt(variance + norm.eps)
    bias = layer.get_parameter("bias")
    copies = len(bias) // len(scale)  # a linear layer that makes maps: one channel is many of its outputs
    scale, mean, shift = (values.repeat_interleave(copies) for values in (scale, mean, norm.bias))
    return {"scale": floats(scale), "bias": floats((bias - mean) * scale + shift)}


def _residual(generator: ResidualGenerator) -> Iterator[Layer]:
    yield from _sequential(list(generator.start))
    block = generator.block
    yield {
        "kind": "grow",
        "slope": SLOPE,
        "height": 7,
        "width": 7,
        "first": _doubling(block.first, 7),
        "second": _map(block.second, 14),
        "skip": _map(block.skip, 7),
    }
    yield {"kind": "leaky", "slope": SLOPE}
    yield _doubling(generator.paint, 14)
    yield {"kind": "tanh"}


def _doubling(layer: nn.ConvTranspose2d, side: int) -> Layer:
    return {**_map(layer, side), "kind": "transposed"}


def _linear(layer: nn.Linear) -> Layer:
    return {
        "kind": "linear",
        "before": layer.in_features,
        "after": layer.out_features,
        "weight": halves(layer.weight),
        "bias": floats(layer.bias),
    }


def _map(layer: nn.Conv2d | nn.ConvTranspose2d, side: int) -> Layer:
    """A convolution of square maps, `side` along each edge."""
    return {
        "kind": "conv",
        "before": layer.in_channels,
        "after": layer.out_channels,
        "size": layer.kernel_size[0],
        "stride": layer.stride[0],
        "padding": int(layer.padding[0]),
        "height": side,
        "width": side,
        "weight": halves(layer.weight),
        **({} if layer.bias is None else {"bias": floats(layer.bias)}),
    }
