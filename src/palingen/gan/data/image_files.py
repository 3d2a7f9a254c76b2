"""Images that other programs made: arrays in memory, `.npy` and `.npz` files, and folders of pictures.

N  images
"""

import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Shaped, UInt8
from numpy import ndarray
from numpy.typing import ArrayLike
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from palingen.gan.data.mnist import IMAGE_SIZE, MAX_BYTES
from palingen.runtime.errors import DataError

ARRAY_SUFFIXES = (".npy", ".npz")

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")

ARRAY_NAME = "images"
"""Array that is read from an `.npz` file that holds several."""

PICTURE_ERRORS = (
    OSError, SyntaxError, ValueError, EOFError, UnidentifiedImageError, Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)  # fmt: skip
"""Errors of Pillow for a file that is damaged, declares too many pixels, or is no picture."""


def read_images(path: Path) -> UInt8[Tensor, "N 28 28"]:
    """Grey levels of the images in an `.npy` or `.npz` file, or of all pictures in a folder and its subfolders.

    Args:
        path: an array that `as_pixels` accepts; of several in an `.npz` file, the one named `images`. Or pictures of
            28 x 28 pixels in any mode, read in the order of their paths.

    Raises:
        DataError: a file is missing or damaged, or its images have a wrong shape, type or range.
    """
    if path.is_dir():
        return _read_pictures(path)
    if path.suffix.lower() not in ARRAY_SUFFIXES:
        raise DataError(f"{path}: must be an .npy or .npz file, or a folder of pictures")
    return as_pixels(read_arrays(path, (ARRAY_NAME,))[ARRAY_NAME], path)


def list_pictures(folder: Path) -> list[Path]:
    """Pictures in a folder and its subfolders, by their endings, in the order of their paths."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PICTURE_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)  # such as thumbnails
        and path.is_file()
    )


def as_pixels(images: ArrayLike | Tensor, source: Path | None = None) -> UInt8[Tensor, "N 28 28"]:
    """Grey levels 0 to 255 of images from elsewhere, after checking them.

    Args:
        images: [N, 28, 28], [N, 1, 28, 28] or [N, 28, 28, 1]: uint8 from 0 to 255, or float from 0 to 1.
        source: file that they come from, for messages.

    Raises:
        DataError: the shape, type or range is wrong.
    """
    name, field = (f"{source}", f"{source}: ") if source else ("images", "images.")
    try:
        tensor = images.detach().cpu() if isinstance(images, Tensor) else torch.from_numpy(np.array(images))
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: must be one array of numbers, all images of the same size") from error
    shape = tuple(tensor.shape)
    if tensor.dim() == 4 and 1 in (shape[1], shape[3]):
        tensor = tensor.squeeze(1 if shape[1] == 1 else 3)
    if tensor.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE) or not len(tensor):
        raise DataError(f"{field}shape={shape}: must be (N, {IMAGE_SIZE}, {IMAGE_SIZE}), with or without one channel")
    if tensor.dtype is torch.uint8:
        return tensor
    if not tensor.is_floating_point():
        raise DataError(f"{field}dtype={str(tensor.dtype).removeprefix('torch.')}: must be uint8 or float")
    low, high = tensor.min().item(), tensor.max().item()
    if not (low >= 0 and high <= 1):  # also refuses NaN
        raise DataError(f"{name}: values from {low:.3g} to {high:.3g} must be between 0 and 1; rescale them")
    return (tensor.to(torch.promote_types(tensor.dtype, torch.float32)) * 255).round().to(torch.uint8)


def to_grey(picture: Image.Image, background: str = "black") -> UInt8[ndarray, "h w"]:
    """Grey levels 0 to 255 of a picture of any mode; what is transparent becomes `background`."""
    if picture.mode.startswith(("I", "F")):  # PIL would clip them to 255
        values = np.nan_to_num(np.asarray(picture))
        if picture.mode == "F" and values.max() <= 1:
            values = (values * 255).round()
        elif values.max() > (510 if picture.mode == "F" else 255):  # 16 bits; resampled floats may overshoot 255
            values = values.clip(0, 65_535) // 257
        return values.clip(0, 255).astype(np.uint8)
    if "A" in picture.getbands() or "transparency" in picture.info:
        opaque = Image.new("RGBA", picture.size, background)
        picture = Image.alpha_composite(opaque, picture.convert("RGBA"))
    return np.asarray(picture.convert("L"))


def read_arrays(path: Path, names: Collection[str]) -> dict[str, Shaped[ndarray, "..."]]:
    """Arrays of an `.npz` file that have one of `names`; the array of a file with a single one is named `images`.

    Raises:
        DataError: the file is missing or damaged, or holds none of them.
    """
    try:
        if (size := _array_bytes(path)) > MAX_BYTES:
            raise DataError(f"{path}: holds {size / 2**20:,.0f} MB; at most {MAX_BYTES / 2**20:,.0f} are read")
        if not zipfile.is_zipfile(path):
            array = np.lib.format.open_memmap(path, mode="r")  # a header cannot claim more than there is
            return {ARRAY_NAME: np.array(array)}
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if len(arrays.files) == 1:
                return {ARRAY_NAME: arrays[arrays.files[0]]}
            if not {*names} & {*arrays.files}:
                raise DataError(f"{path}: holds the arrays {', '.join(arrays.files)}; name one of them {ARRAY_NAME}")
            return {name: arrays[name] for name in names if name in arrays.files}
    except FileNotFoundError:
        raise DataError(f"{path}: missing") from None
    except (PermissionError, DataError):
        raise
    except Exception as error:  # numpy and zipfile raise many types for a truncated or foreign file
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise DataError(f"{path}: damaged, or not an array of numbers ({reason})") from error


def _array_bytes(path: Path) -> int:
    """Size of an array file, uncompressed."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return sum(part.file_size for part in archive.infolist())
    return path.stat().st_size


def _read_pictures(folder: Path) -> UInt8[Tensor, "N 28 28"]:
    pictures = list_pictures(folder)
    if not pictures:
        raise DataError(f"{folder}: holds no pictures ({', '.join(PICTURE_SUFFIXES)})")
    return torch.from_numpy(np.stack([_read_picture(path) for path in pictures]))


def _read_picture(path: Path) -> UInt8[ndarray, "28 28"]:
    try:
        with Image.open(path) as picture:
            picture.load()
            size, grey = picture.size, to_grey(picture)
    except PermissionError:
        raise
    except PICTURE_ERRORS as error:
        raise DataError(f"{path}: damaged, or not a picture ({str(error).splitlines()[0]})") from error
    if size != (IMAGE_SIZE, IMAGE_SIZE):
        raise DataError(f"{path}: {size[0]} x {size[1]} pixels; must be {IMAGE_SIZE} x {IMAGE_SIZE}")
    return grey
