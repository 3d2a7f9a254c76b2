"""Grids of images, and atomic PNG and NumPy files.

B  images
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Shaped, UInt8
from numpy import ndarray
from PIL import Image

from palingen.runtime.atomic_io import write_atomically
from palingen.runtime.errors import DataError
from palingen.runtime.json_io import damaged

GAP = 2
"""Pixels between two images of a grid."""


def tile(
    pixels: UInt8[ndarray, "B h w"], columns: int, *, scale: int = 1, background: int = 0
) -> UInt8[ndarray, "H W"]:
    """Images side by side, row by row, `GAP` pixels apart, everything enlarged `scale` times."""
    count, height, width = pixels.shape
    rows = -(-count // columns)
    grid = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP), background, np.uint8)
    for index, image in enumerate(pixels):
        top, left = index // columns * (height + GAP), index % columns * (width + GAP)
        grid[top : top + height, left : left + width] = image
    return grid.repeat(scale, axis=0).repeat(scale, axis=1)


def png_bytes(pixels: UInt8[ndarray, "H W"]) -> bytes:
    """Grey levels as a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png", optimize=True)
    return buffer.getvalue()


def write_png(path: Path, pixels: UInt8[ndarray, "H W"]) -> None:
    """Write grey levels as a PNG, atomically."""
    write_atomically(path, png_bytes(pixels))


def write_array(path: Path, array: Shaped[ndarray, "..."]) -> None:
    """Write a NumPy array, atomically."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    write_atomically(path, buffer.getvalue())


def read_pixels(path: Path, shape: Sequence[int | None], *, advice: str) -> UInt8[ndarray, "..."]:
    """Grey levels of a NumPy file. Never unpickles, and allocates no more than the file has.

    Args:
        path: the file.
        shape: shape that the array must have; None is any size.
        advice: what to do about a damaged file, for the message.

    Raises:
        DataError: the file is missing or damaged, or does not hold unsigned bytes of this shape.
    """
    try:
        pixels = np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError:
        raise DataError(f"{path}: missing; {advice}") from None
    except PermissionError:
        raise
    except Exception as error:  # numpy raises many types for a damaged file
        raise damaged(path, str(error), advice) from error
    fits = len(pixels.shape) == len(shape) and all(
        size == expected or expected is None for size, expected in zip(pixels.shape, shape, strict=True)
    )
    if pixels.dtype != np.uint8 or not fits or pixels.offset + pixels.nbytes != path.stat().st_size:
        raise damaged(path, f"an array of {pixels.dtype} of the shape {pixels.shape}", advice)
    return np.array(pixels)
