"""MNIST and other IDX files as uint8 tensors, in memory as a whole: batches are indexed, without worker processes.

N  images
"""

import gzip
import hashlib
from dataclasses import dataclass
from gzip import GzipFile
from io import BufferedReader
from math import prod
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64, Shaped, UInt8
from torch import Generator, Tensor

from palingen.runtime.atomic_io import write_atomically
from palingen.runtime.errors import DataError

IMAGE_SIZE = 28
"""Height and width of an image, in pixels."""

DIGIT_NAMES = tuple("0123456789")
"""Names of MNIST's classes."""

MNIST_DIR = Path(__file__).parent / "mnist_idx"
"""MNIST, shipped with the package."""

MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 of MNIST's uncompressed files, from mnist_idx/README.md."""


MAX_BYTES = 768 * 2**20
"""Largest array that is read, a million images."""


@dataclass(frozen=True)
class LabeledImages:
    """Grey-level images with their classes."""

    pixels: UInt8[Tensor, "N 28 28"]
    labels: Int64[Tensor, " N"]

    def __len__(self) -> int:
        return len(self.pixels)

    def clone(self) -> "LabeledImages":
        """Copy that can be changed."""
        return LabeledImages(self.pixels.clone(), self.labels.clone())

    def select(self, indices: Int64[Tensor, " n"]) -> "LabeledImages":
        """Images at `indices`."""
        return LabeledImages(self.pixels[indices], self.labels[indices])


def load_images(split: str, root: str = "mnist") -> LabeledImages:
    """Images and classes of one split, from two IDX files.

    Args:
        split: `train` or `t10k`, MNIST's name for its test images.
        root: `mnist` for the MNIST shipped with the package, or a folder of IDX files.

    Raises:
        DataError: a file is missing or damaged (for MNIST, by its hash), or images and labels do not match.
    """
    is_mnist = root == "mnist"
    folder = MNIST_DIR if is_mnist else Path(root)
    pixels, labels = (
        _read_idx(folder, f"{split}-{kind}-ubyte", verify=is_mnist) for kind in ("images-idx3", "labels-idx1")
    )
    if pixels.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE) or labels.shape != pixels.shape[:1] or not len(pixels):
        shapes = f"images {tuple(pixels.shape)} and labels {tuple(labels.shape)}"
        raise DataError(
            f"{folder}: {split} {shapes} must be (N, {IMAGE_SIZE}, {IMAGE_SIZE}) and (N,) with N at least 1"
        )
    return LabeledImages(pixels, labels.long())


def random_order(count: int) -> Int64[Tensor, " N"]:
    """Random order of `count` images, with seed 0."""
    return torch.randperm(count, generator=Generator().manual_seed(0))


def validation_order(count: int) -> Int64[Tensor, " N"]:
    """Random order of `count` training images, with seed 0: the first half is the validation part.

    Settings are chosen with the validation part, so that the test images only report. Generators are trained on it too.
    """
    return random_order(count)


def write_images(folder: Path, split: str, images: LabeledImages) -> None:
    """Write images and their classes as two compressed IDX files, which `load_images` reads."""
    for kind, array in (("images-idx3", images.pixels), ("labels-idx1", images.labels)):
        header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
        content = gzip.compress(header + array.to(torch.uint8).numpy().tobytes(), mtime=0)
        write_atomically(folder / f"{split}-{kind}-ubyte.gz", content)


def to_unit(pixels: UInt8[Tensor, "*N"]) -> Float[Tensor, "*N"]:
    """Map grey levels 0 to 255 to the generator's range, -1 to 1."""
    return pixels.float() / 127.5 - 1


def to_pixels(images: Float[Tensor, "*N"]) -> UInt8[Tensor, "*N"]:
    """Map the generator's range, -1 to 1, to the nearest grey levels 0 to 255."""
    return ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def _read_idx(folder: Path, name: str, *, verify: bool) -> Shaped[Tensor, "..."]:
    """Array of an IDX file, compressed or not; `verify` compares its hash with that of MNIST."""
    compressed, plain = folder / f"{name}.gz", folder / name
    path = compressed if compressed.exists() or not plain.exists() else plain
    try:
        with gzip.open(path) if path is compressed else path.open("rb") as file:
            header, shape = _read_header(path, file)
            content = file.read(prod(shape) + 1)  # one more, to notice a longer file
    except FileNotFoundError:
        raise DataError(f"{path}: missing (with or without .gz)") from None
    except (PermissionError, DataError):
        raise
    except Exception as error:  # gzip raises OSError, EOFError and zlib.error, which have no common base
        raise DataError(f"{path}: damaged ({error})") from error
    if verify and hashlib.sha256(header + content).hexdigest() != MNIST_SHA256[name]:
        raise DataError(f"{path}: damaged (its SHA-256 is not that of MNIST's {name})")
    if len(content) != prod(shape):
        relation = "more" if len(content) > prod(shape) else "fewer"
        raise DataError(f"{path}: its header declares the shape {shape}, but it has {relation} bytes")
    return torch.from_numpy(np.frombuffer(content, np.uint8).reshape(shape).copy())


def _read_header(path: Path, file: GzipFile | BufferedReader) -> tuple[bytes, list[int]]:
    """Header of an IDX file, and the shape that it declares. A small compressed file can declare any size."""
    start = file.read(4)
    if start[:3] != b"\0\0\x08" or len(start) < 4:  # 8 is the format's code for unsigned bytes
        raise DataError(f"{path}: not an IDX file of unsigned bytes")
    sizes = file.read(4 * start[3])
    shape = np.frombuffer(sizes[: len(sizes) // 4 * 4], ">u4").tolist()
    if len(shape) != start[3] or prod(shape) > MAX_BYTES:
        raise DataError(f"{path}: its header is cut off, or declares more than {MAX_BYTES // 2**20} MB")
    return start + sizes, shape
