"""Networks as rows of boxes, for the architecture diagrams of the report."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from palingen.report.values import number

ANNOTATIONS = {"BatchNorm1d": "BatchNorm", "LeakyReLU": "LeakyReLU", "Tanh": "tanh"}
"""Layers that are named under the box that they follow, instead of having one."""

BLOCKS = {
    "UpBlock": "block, upsamples",
    "DownBlock": "block, downsamples",
    "Conv2d": "convolution",
    "ConvTranspose2d": "transposed conv.",
}
"""Names of stages that are no linear layers."""

MIN_HEIGHT, MAX_HEIGHT = 1.5, 20.0
"""Heights of a box in millimetres."""

HEIGHT_PER_DOUBLING = 1.6
"""Millimetres by which a box grows when its number of units doubles."""

Box = dict[str, Any]
"""`shape` and `note` as text, `height` in millimetres."""


def boxes(networks: Mapping[str, Any]) -> dict[str, list[Box]]:
    """Generator and discriminator as rows of boxes, from input to output.

    Args:
        networks: one entry of model_summary.json.
    """
    classes, latents = networks["classes"], networks["latents"]
    inputs = _box(f"{latents} + {classes}" if classes else f"{latents}", "latents", latents + classes)
    if classes:
        inputs["note"] = "latents, class"
    generator, discriminator = (_stages(networks[name]) for name in ("generator", "discriminator"))
    image = _box(generator[-1]["shape"], "image", math.prod(networks["generator"][-1]["shape"]))
    discriminator[-1]["note"] = "one logit a class" if classes else "logit"
    return {"generator": [inputs, *generator], "discriminator": [image, *discriminator]}


def _stages(stages: Sequence[Mapping[str, Any]]) -> list[Box]:
    row: list[Box] = []
    for stage in stages:
        name, shape = stage["name"], stage["shape"]
        if name == "Unflatten":
            row[-1] |= _box(_shape(shape), row[-1]["note"], math.prod(shape))
        elif name in ANNOTATIONS:
            row[-1]["note"] = ", ".join(filter(None, [row[-1]["note"], ANNOTATIONS[name]]))
        else:
            row.append(_box(_shape(shape), BLOCKS.get(name, ""), math.prod(shape)))
    return row


def _box(shape: str, note: str, units: int) -> Box:
    height = max(MIN_HEIGHT, min(MAX_HEIGHT, HEIGHT_PER_DOUBLING * math.log2(units + 1)))
    return {"shape": shape, "note": note, "height": round(height, 2)}


def _shape(shape: Sequence[int]) -> str:
    """Shape as text; a single channel is left out."""
    sides = shape[1:] if len(shape) == 3 and shape[0] == 1 else shape
    return " \N{MULTIPLICATION SIGN} ".join(number(side) if len(shape) == 1 else str(side) for side in sides)
