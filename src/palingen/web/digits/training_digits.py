"""Training images on the digits page, to search for the nearest one.

B  images
"""

from dataclasses import dataclass

import torch
from jaxtyping import UInt8
from numpy import ndarray
from torch import Tensor

from palingen.gan.data.dataset_info import MNIST_INFO, DatasetInfo
from palingen.gan.data.mnist import IMAGE_SIZE
from palingen.gan.data.sources import load_data

NUM_TRAINING_DIGITS = 1000
"""Training digits on the page, equally many of each class, to search for the nearest one."""

NUM_TEST_DIGITS = 500
"""Test digits whose distance to those training digits is the reference."""

MNIST_INK_SIZE = 20.0
"""Longer edge of every digit of MNIST, in pixels."""


@dataclass(frozen=True)
class TrainingDigits:
    """Training digits to search for the nearest one."""

    pixels: UInt8[ndarray, "B 28 28"]
    labels: list[int]

    num_available: int
    """Training digits that they were taken from."""

    ink_size: float
    """Typical length of the longer edge of what an image shows, in pixels."""

    median_test_distance: float
    """Median root mean square difference between test digits and their nearest training digit; 1 is black to white."""


def training_digits(info: DatasetInfo = MNIST_INFO) -> TrainingDigits:
    """First training images of each class.

    Raises:
        DataError: the images are missing or damaged.
    """
    images = load_data(info.name)
    training, test = images.train, images.test.pixels[:NUM_TEST_DIGITS]
    per_class = NUM_TRAINING_DIGITS // info.num_classes
    indices = torch.cat(
        [(training.labels == label).nonzero().flatten()[:per_class] for label in range(info.num_classes)]
    )
    pixels = training.pixels[indices]
    distances = torch.cdist(test.flatten(1).float(), pixels.flatten(1).float()).min(1).values / IMAGE_SIZE / 255
    return TrainingDigits(
        pixels.numpy(),
        training.labels[indices].tolist(),
        len(training),
        _ink_size(info, pixels),
        distances.median().item(),
    )


def _ink_size(info: DatasetInfo, pixels: UInt8[Tensor, "B 28 28"]) -> float:
    """Median, over the images, of the longer edge of the box around their ink."""
    if info.is_mnist:
        return MNIST_INK_SIZE
    ink = pixels > 127
    extents = torch.stack([ink.any(dim).long().argmax(1) + ink.any(dim).flip(1).long().argmax(1) for dim in (1, 2)])
    return IMAGE_SIZE - extents.min(0).values.float().median().item()
