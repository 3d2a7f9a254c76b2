"""Controls: real images, and real images corrupted in the ways in which generators fail; they show what metrics notice.

B  images
"""

from collections.abc import Callable

import torch
from jaxtyping import UInt8
from torch import Generator, Tensor
from torch.nn.functional import avg_pool2d

from palingen.gan.data.mnist import DIGIT_NAMES, LabeledImages
from palingen.gan.evaluation.classifier_pair import PairOutput

CONTROLS = ("floor", "blur", "noise", "no 1s", "100 repeated", "1000 repeated")
"""Real images, and four corruptions: blurred, noisy, one class missing, a few training images memorised."""

NOISE_STD = 0.1
"""Standard deviation of the noise, as a fraction of the grey range."""

LEFT_OUT = 1
"""Position of the class that is missing in one of the controls."""

Predict = Callable[[Tensor], PairOutput]


def control_names(class_names: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the controls for a data set: `CONTROLS` for digits, else with the name of the class that is missing."""
    missing = "no 1s" if class_names == DIGIT_NAMES else f"no {class_names[LEFT_OUT]}"
    return tuple(missing if name == "no 1s" else name for name in CONTROLS)


def is_control(name: str) -> bool:
    """Whether a name is that of a control; one is named after the class that is missing."""
    return name in CONTROLS or name.startswith("no ")


def control_output(
    name: str, count: int, images: LabeledImages, output: PairOutput, predict: Predict, seed: int
) -> PairOutput:
    """Outputs of the classifiers for `count` images of a control.

    Args:
        name: one of `control_names`.
        count: number of images.
        images: real images.
        output: outputs for the real images.
        predict: the classifiers.
        seed: seed of the random subset of the real images, and of the noise.
    """
    order = torch.randperm(len(images), generator=Generator().manual_seed(seed))
    match name:
        case "floor":
            return output.select(order[:count])
        case "blur":
            return predict(blur(images.pixels[order[:count]]))
        case "noise":
            return predict(add_noise(images.pixels[order[:count]], seed))
        case "100 repeated" | "1000 repeated":
            distinct = int(name.removesuffix(" repeated"))
            return output.select(order[torch.arange(count) % distinct])
        case _:
            return output.select(order[images.labels[order] != LEFT_OUT][:count])


def blur(pixels: UInt8[Tensor, "B 28 28"]) -> UInt8[Tensor, "B 28 28"]:
    """3 x 3 box blur with zero padding."""
    return avg_pool2d(pixels.float().unsqueeze(1), 3, stride=1, padding=1).squeeze(1).round().to(torch.uint8)


def add_noise(pixels: UInt8[Tensor, "B 28 28"], seed: int) -> UInt8[Tensor, "B 28 28"]:
    """Images with normal noise, the same for the same seed."""
    noise = torch.randn(pixels.shape, generator=Generator().manual_seed(seed))
    return (pixels + 255 * NOISE_STD * noise).round().clamp(0, 255).to(torch.uint8)
