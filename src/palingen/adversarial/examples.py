"""What a game is trained on, held whole on the device: a batch is an index.

N  examples      B  images
"""

from typing import Protocol

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Generator, Tensor

from palingen.adversarial.images import Images, load_images, to_unit

STACKED = 240_000
"""Examples of three digits each, as many as others train on."""


class Examples(Protocol):
    """Training images by their place."""

    labels: Int64[Tensor, " N"]

    def __len__(self) -> int: ...

    def pixels(self, chosen: Int64[Tensor, " B"]) -> UInt8[Tensor, "B channels 28 28"]:
        """Grey levels of those chosen."""


def load_examples(data: str, device: torch.device) -> Examples:
    """`stacked` MNIST, `mnist` itself or a folder of IDX files.

    Raises:
        DataError: a file is missing or damaged.
    """
    if data == "stacked":
        return Stacked(load_images("train"), device, STACKED)
    return Single(load_images("train", data), device)


def batch(examples: Examples, chosen: Int64[Tensor, " B"]) -> Float[Tensor, "B channels 28 28"]:
    """Images in -1 to 1."""
    return to_unit(examples.pixels(chosen))


class Single:
    """Each image by itself."""

    def __init__(self, images: Images, device: torch.device) -> None:
        self._pixels = images.pixels.unsqueeze(1).to(device)
        self.labels = images.labels.to(device)

    def __len__(self) -> int:
        return len(self.labels)

    def pixels(self, chosen: Int64[Tensor, " B"]) -> UInt8[Tensor, "B 1 28 28"]:
        """Grey levels of those chosen."""
        return self._pixels[chosen]


class Stacked:
    """Three images in the channels of one, drawn at random and always the same (Srivastava et al. 2017).

    A label is the number that the three digits make, 0 to 999.
    """

    def __init__(self, images: Images, device: torch.device, count: int) -> None:
        self._pixels = images.pixels.to(device)
        triples = torch.randint(len(images), (count, 3), generator=Generator().manual_seed(0))
        self._triples = triples.to(device)
        self.labels = (images.labels[triples] * torch.tensor([100, 10, 1])).sum(1).to(device)

    def __len__(self) -> int:
        return len(self.labels)

    def pixels(self, chosen: Int64[Tensor, " B"]) -> UInt8[Tensor, "B 3 28 28"]:
        """Grey levels of those chosen."""
        return self._pixels[self._triples[chosen]]
