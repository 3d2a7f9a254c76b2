"""Networks as built, to the boxes in which a diagram shows them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from palingen.report.values import number

NOTES = {"BatchNorm1d": "BatchNorm", "LeakyReLU": "LeakyReLU", "Tanh": "tanh"}
"""Stages that are told above the box that they follow."""

BLOCKS = {
    "Grow": "block, twice as wide",
    "Shrink": "block, half as wide",
    "Conv2d": "convolution",
    "ConvTranspose2d": "convolution",
}

TALLEST = 20.0
"""Millimetres."""


def boxes(pair: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Both players of a pair, each a row of boxes from its input to its output."""
    classes = pair["classes"]
    latents = f"{pair['latents']} + {classes}" if classes else f"{pair['latents']}"
    start = _box(latents, "latents, class" if classes else "latents", pair["latents"] + classes)
    made, judged = _stages(pair["generator"]), _stages(pair["discriminator"])
    image = _box(made[-1]["shape"], "image", _units(pair["generator"][-1]["shape"]))
    judged[-1]["note"] = "a logit a class" if classes else "logit"
    return {"generator": [start, *made], "discriminator": [image, *judged]}


def _stages(stages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    for stage in stages:
        name, shape = stage["name"], stage["shape"]
        if name == "Unflatten":
            shown[-1] |= _box(_shape(shape), shown[-1]["note"], _units(shape))
        elif name in NOTES:
            shown[-1]["note"] = ", ".join(filter(None, [shown[-1]["note"], NOTES[name]]))
        else:
            shown.append(_box(_shape(shape), BLOCKS.get(name, ""), _units(shape)))
    return shown


def _box(shape: str, note: str, units: int) -> dict[str, Any]:
    return {"shape": shape, "note": note, "height": round(max(1.5, min(TALLEST, 1.6 * math.log2(units + 1))), 2)}


def _units(shape: Sequence[int]) -> int:
    return math.prod(shape)


def _shape(shape: Sequence[int]) -> str:
    sides = shape[1:] if len(shape) == 3 and shape[0] == 1 else shape
    return " \N{MULTIPLICATION SIGN} ".join(number(side) if len(shape) == 1 else str(side) for side in sides)
