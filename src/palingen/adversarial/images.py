"""IDX files to uint8 tensors, held whole in memory: no worker process, batches by index.

N  images
"""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64, Shaped, UInt8
from torch import Tensor

from palingen.errors import DataError
from palingen.files import write_atomically

SIDE = 28
"""Pixels along each edge."""

MNIST = Path(__file__).parent / "mnist"

MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""Of the uncompressed files, from mnist/README.md."""


@dataclass(frozen=True)
class Images:
    """Grey-level images with their classes."""

    pixels: UInt8[Tensor, "N 28 28"]
    labels: Int64[Tensor, " N"]

    def __len__(self) -> int:
        return len(self.pixels)


def load_images(part: str, source: str = "mnist") -> Images:
    """The `train` or `t10k` images of MNIST (`mnist`, shipped with the package) or of a folder of four IDX files.

    Raises:
        DataError: a file is missing, damaged (MNIST: by its hash) or does not fit its partner.
    """
    folder = MNIST if source == "mnist" else Path(source)
    pixels = _read(folder, f"{part}-images-idx3-ubyte", known=source == "mnist")
    labels = _read(folder, f"{part}-labels-idx1-ubyte", known=source == "mnist")
    if pixels.shape[1:] != (SIDE, SIDE) or labels.shape != pixels.shape[:1] or not len(pixels):
        raise DataError(f"{folder}: {part}: images {tuple(pixels.shape)} and labels {tuple(labels.shape)} do not fit")
    return Images(pixels, labels.long())


def write_images(folder: Path, part: str, images: Images) -> None:
    """Write images and their classes as two IDX files, so that `load_images` reads them from the folder."""
    for kind, array in (("images-idx3", images.pixels), ("labels-idx1", images.labels)):
        header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
        content = gzip.compress(header + array.to(torch.uint8).numpy().tobytes(), mtime=0)
        write_atomically(folder / f"{part}-{kind}-ubyte.gz", content)


def to_unit(pixels: UInt8[Tensor, "*N"]) -> Float[Tensor, "*N"]:
    """Grey levels 0 to 255 to the generator's range, -1 to 1."""
    return pixels.float() / 127.5 - 1


def to_pixels(images: Float[Tensor, "*N"]) -> UInt8[Tensor, "*N"]:
    """The generator's range, -1 to 1, to the nearest grey levels 0 to 255."""
    return ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def _read(folder: Path, name: str, *, known: bool) -> Shaped[Tensor, "..."]:
    packed, plain = folder / f"{name}.gz", folder / name
    path = packed if packed.exists() or not plain.exists() else plain
    try:
        content = gzip.decompress(path.read_bytes()) if path is packed else path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: missing (with or without .gz)") from None
    except (EOFError, OSError) as error:
        if isinstance(error, PermissionError):
            raise
        raise DataError(f"{path}: damaged ({error})") from error
    except Exception as error:  # zlib.error has no common ancestor with the above
        raise DataError(f"{path}: damaged ({error})") from error
    if known and hashlib.sha256(content).hexdigest() != MNIST_SHA256[name]:
        raise DataError(f"{path}: damaged (its SHA-256 is not that of MNIST's {name})")
    return _parse(path, content)


def _parse(path: Path, content: bytes) -> UInt8[Tensor, "..."]:
    dimensions = content[3] if len(content) > 3 else 0
    header = 4 + 4 * dimensions
    if content[:3] != b"\0\0\x08" or len(content) < header:  # 8 is the format's code for unsigned bytes
        raise DataError(f"{path}: not an IDX file of unsigned bytes")
    shape = np.frombuffer(content, dtype=">u4", count=dimensions, offset=4).astype(int)
    if len(content) != header + shape.prod():
        raise DataError(f"{path}: its header says {shape.tolist()}, which does not fit its {len(content):,} bytes")
    return torch.from_numpy(np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape).copy())
