"""Image datasets, in the device's memory as one uint8 tensor and indexed by batch.

N  images in the dataset      B  images of a batch
"""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Generator, Tensor

from palingen.gan.data.dataset_info import MNIST_INFO, DatasetInfo
from palingen.gan.data.mnist import LabeledImages, load_images, to_unit
from palingen.gan.data.named import NAMED
from palingen.gan.data.sources import load_data

MNIST_SIZE = 60_000
"""Training images of MNIST."""

STACKED_SIZE = 240_000
"""Images of StackedMNIST, as many as in the literature."""


@runtime_checkable
class ImageDataset(Protocol):
    """Training images with their classes."""

    labels: Int64[Tensor, " N"]
    channel_labels: Int64[Tensor, "N channels"]
    """Class of each channel, which is a picture by itself."""
    info: DatasetInfo
    """Identity of the images that it is made of."""

    def __len__(self) -> int: ...

    def pixels(self, indices: Int64[Tensor, " B"]) -> UInt8[Tensor, "B channels 28 28"]:
        """Grey levels of the images at `indices`."""


def load_dataset(data: str, device: torch.device) -> ImageDataset:
    """Training images of `stacked` MNIST, or of any source of `load_data`.

    Raises:
        DataError: a file is missing or damaged, or cannot be downloaded.
    """
    if data == "stacked":
        return StackedMnist(load_images("train"), device, STACKED_SIZE)
    if data == "mnist":
        return GrayscaleDataset(load_images("train"), device)
    images = load_data(data)
    return GrayscaleDataset(images.train, device, images.info)


def dataset_size(data: str) -> int:
    """Number of training images of `load_dataset`, without loading a data set that is known by name.

    Raises:
        DataError: a file is missing or damaged.
    """
    known = {"mnist": MNIST_SIZE, "stacked": STACKED_SIZE, **{name: spec.sizes[0] for name, spec in NAMED.items()}}
    return known[data] if data in known else len(load_data(data).train)


def load_batch(dataset: ImageDataset, indices: Int64[Tensor, " B"]) -> Float[Tensor, "B channels 28 28"]:
    """Images at `indices`, in [-1, 1]."""
    return to_unit(dataset.pixels(indices))


class GrayscaleDataset:
    """Images with one channel."""

    def __init__(self, images: LabeledImages, device: torch.device, info: DatasetInfo = MNIST_INFO) -> None:
        self._pixels = images.pixels.unsqueeze(1).to(device)
        self.labels, self.info = images.labels.to(device), info
        self.channel_labels = self.labels.unsqueeze(1)

    def __len__(self) -> int:
        return len(self.labels)

    def pixels(self, indices: Int64[Tensor, " B"]) -> UInt8[Tensor, "B 1 28 28"]:
        """Grey levels of the images at `indices`."""
        return self._pixels[indices]


class StackedMnist:
    """StackedMNIST: three random images as the channels of one, always the same triples (Srivastava et al. 2017).

    The label is the number formed by the three digits, 0 to 999.
    """

    info = MNIST_INFO

    def __init__(self, images: LabeledImages, device: torch.device, count: int) -> None:
        self._pixels = images.pixels.to(device)
        triples = torch.randint(len(images), (count, 3), generator=Generator().manual_seed(0))
        self._triples = triples.to(device)
        self.channel_labels = images.labels[triples].to(device)
        self.labels = (self.channel_labels * torch.tensor([100, 10, 1], device=device)).sum(1)

    def __len__(self) -> int:
        return len(self.labels)

    def pixels(self, indices: Int64[Tensor, " B"]) -> UInt8[Tensor, "B 3 28 28"]:
        """Grey levels of the images at `indices`."""
        return self._pixels[self._triples[indices]]
