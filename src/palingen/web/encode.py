"""Networks as JSON: a list of layers, weights as float16 and biases as float32 in base64.

BatchNorm is folded into the layer before it as one float32 factor per channel and the bias, so that float16 weights, as
the shipped ones are, stay exact and nothing is rounded twice.
"""

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor, nn

from palingen.gan.data.mnist import IMAGE_SIZE
from palingen.gan.evaluation.classifier import DigitClassifier
from palingen.gan.models.init import LEAKY_SLOPE
from palingen.gan.models.residual import ResidualGenerator
from palingen.runtime.errors import PalingenError

Layer = dict[str, Any]
"""JSON of one layer: its kind, sizes and weights."""

HALF, QUARTER = IMAGE_SIZE // 2, IMAGE_SIZE // 4
"""Height and width of the feature maps of the shipped architectures."""

RELU: Layer = {"kind": "leaky_relu", "negativeSlope": 0.0}
TANH: Layer = {"kind": "tanh"}
CLAMP: Layer = {"kind": "clamp"}
"""To grey levels from -1 to 1, as when sampling."""


def encode_float16(values: Float[Tensor, "..."]) -> str:
    """Little-endian float16 in base64."""
    return base64.b64encode(values.detach().cpu().contiguous().numpy().astype("<f2").tobytes()).decode()


def encode_float32(values: Float[Tensor, "..."]) -> str:
    """Little-endian float32 in base64."""
    return base64.b64encode(values.detach().cpu().contiguous().numpy().astype("<f4").tobytes()).decode()


def encode_gray4(pixels: UInt8[ndarray, "..."]) -> str:
    """Pixels rounded to 16 grey levels, two in a byte, in base64."""
    levels = ((pixels.astype(np.uint16) + 8) // 17).astype(np.uint8).reshape(-1, 2)
    return base64.b64encode((levels[:, 0] << 4 | levels[:, 1]).tobytes()).decode()


def generator_layers(generator: nn.Module) -> list[Layer]:
    """Layers of a generator of any architecture.

    Raises:
        PalingenError: the page cannot compute one of them.
    """
    if isinstance(generator, ResidualGenerator):
        return list(_residual_layers(generator))
    return list(_sequential_layers([layer for layer in generator.modules() if not list(layer.children())]))


def classifier_layers(classifier: DigitClassifier) -> list[Layer]:
    """Layers of the classifier, from images in [-1, 1] to logits; the last but one gives the features."""
    return [
        _conv_layer(classifier.conv1, IMAGE_SIZE),
        RELU,
        _conv_layer(classifier.conv2, HALF),
        RELU,
        {"kind": "max_pool2d", "width": HALF},
        _conv_layer(classifier.conv3, QUARTER),
        RELU,
        linear_layer(classifier.fc.weight, classifier.fc.bias),
        RELU,
        linear_layer(classifier.head.weight, classifier.head.bias),
    ]


def linear_layer(weight: Float[Tensor, "out_features in_features"], bias: Float[Tensor, " out_features"]) -> Layer:
    """A linear layer."""
    return {
        "kind": "linear",
        "inFeatures": weight.shape[1],
        "outFeatures": weight.shape[0],
        "weight": encode_float16(weight),
        "bias": encode_float32(bias),
    }


def _residual_layers(generator: ResidualGenerator) -> Iterator[Layer]:
    yield from _sequential_layers(list(generator.stem))
    block = generator.block
    yield {
        "kind": "up_block",
        "negativeSlope": LEAKY_SLOPE,
        "height": QUARTER,
        "width": QUARTER,
        "conv1": _conv_layer(block.conv1, QUARTER),
        "conv2": _conv_layer(block.conv2, HALF),
        "shortcut": _conv_layer(block.shortcut, QUARTER),
    }
    yield {"kind": "leaky_relu", "negativeSlope": LEAKY_SLOPE}
    yield _conv_layer(generator.to_image, HALF)
    yield TANH if generator.is_bounded else CLAMP


def _sequential_layers(layers: list[nn.Module]) -> Iterator[Layer]:
    size = 1  # height and width of the feature maps
    for index, layer in enumerate(layers):
        following = next((other for other in layers[index + 1 :] if not isinstance(other, nn.Unflatten)), None)
        match layer:
            case nn.Linear():
                yield linear_layer(layer.weight, layer.bias) | _fold_batchnorm(layer, following)
            case nn.ConvTranspose2d():
                yield _conv_layer(layer, size) | _fold_batchnorm(layer, following)
                size *= 2
            case nn.Unflatten():
                size = int(layer.unflattened_size[-1])
            case nn.LeakyReLU():
                yield {"kind": "leaky_relu", "negativeSlope": layer.negative_slope}
            case nn.ReLU():
                yield RELU
            case nn.Tanh():
                yield TANH
            case nn.BatchNorm1d() | nn.BatchNorm2d():
                pass  # folded into the layer before it
            case _:
                raise PalingenError(f"the page cannot compute layers of the type {type(layer).__name__}")


def _fold_batchnorm(layer: nn.Linear | nn.ConvTranspose2d, following: nn.Module | None) -> Layer:
    """Factor and bias of `layer` that include a BatchNorm after it; nothing if there is none."""
    if not isinstance(following, nn.BatchNorm1d | nn.BatchNorm2d):
        return {}
    mean, variance = following.get_buffer("running_mean"), following.get_buffer("running_var")
    scale = following.weight / (variance + following.eps).sqrt()
    bias = layer.get_parameter("bias")
    repeats = len(bias) // len(scale)  # outputs of a linear layer that belong to one channel of a feature map
    scale, mean, shift = (values.repeat_interleave(repeats) for values in (scale, mean, following.bias))
    return {"scale": encode_float32(scale), "bias": encode_float32((bias - mean) * scale + shift)}


def _conv_layer(layer: nn.Conv2d | nn.ConvTranspose2d, size: int) -> Layer:
    """A convolution of square feature maps with height and width `size`."""
    return {
        "kind": "conv_transpose2d" if isinstance(layer, nn.ConvTranspose2d) else "conv2d",
        "inChannels": layer.in_channels,
        "outChannels": layer.out_channels,
        "kernelSize": layer.kernel_size[0],
        "stride": layer.stride[0],
        "padding": int(layer.padding[0]),
        "height": size,
        "width": size,
        "weight": encode_float16(layer.weight),
        **({} if layer.bias is None else {"bias": encode_float32(layer.bias)}),
    }
