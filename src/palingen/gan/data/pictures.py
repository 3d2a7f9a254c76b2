"""Folders of pictures of any mode and size as data sets: 28 x 28 grey levels, one subfolder a class or none.

A picture is turned as its EXIF orientation says, its transparent parts become background, and it is scaled to 28 pixels
along its longer side and centred; the rest takes the grey level of its border. If most borders are light, as of ink on
paper, all pictures are inverted, since everything here is white on black.

N  pictures
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image, ImageOps
from torch import Tensor

from palingen.gan.data.image_files import PICTURE_ERRORS, list_pictures, to_grey
from palingen.gan.data.mnist import IMAGE_SIZE, LabeledImages
from palingen.runtime.errors import DataError
from palingen.runtime.progress import progress

TRAIN_FOLDERS = ("train", "training")
"""Names of a folder of training pictures, in small or capital letters."""

TEST_FOLDERS = ("test", "testing", "t10k", "val", "valid", "validation")
"""Names of a folder of test pictures beside one of training pictures; of several, the first is taken."""

MAX_PIXELS = 2**26
"""Largest picture that is decoded; a small file can declare any size."""

JPEG_SIZE = 4 * IMAGE_SIZE
"""Height and width below which a JPEG is not shrunk while it is decoded."""

MAX_CLASSES = 1000
"""Most subfolders: more are hardly classes."""


@dataclass(frozen=True)
class PictureFolder:
    """Pictures of a folder."""

    train: LabeledImages
    test: LabeledImages | None
    """Test pictures, if the folder has them apart."""

    class_names: tuple[str, ...]
    """Names of the subfolders; empty if there are none, or only one."""

    unreadable: Sequence[Path]
    """Files that are damaged, too large, or no pictures."""

    is_inverted: bool
    """Whether light backgrounds were turned dark."""


def read_picture_folder(folder: Path) -> PictureFolder:
    """Pictures of a folder, in the order of their paths.

    Args:
        folder: pictures, or subfolders of pictures, one a class. Or two folders of such, named as in `TRAIN_FOLDERS`
            and in `TEST_FOLDERS`.

    Raises:
        DataError: there are no readable pictures, or the classes are ambiguous.
    """
    train_folder, test_folder = _subfolder(folder, TRAIN_FOLDERS), _subfolder(folder, TEST_FOLDERS)
    roots = [train_folder, test_folder] if train_folder and test_folder else [folder]
    paths = [[(root, path) for path in list_pictures(root)] for root in roots]
    classes = [{_class_of(root, path) for root, path in group} for group in paths]
    names = _class_names(folder, classes)
    pixels, unreadable = _read_all([path for group in paths for _, path in group])
    if not all(any(path in pixels for _, path in group) for group in paths):
        raise DataError(f"{folder}: none of its {len(unreadable)} pictures can be read ({_names(unreadable, folder)})")
    groups = [
        LabeledImages(
            torch.from_numpy(np.stack([pixels[path] for _, path in group if path in pixels])),
            torch.tensor([_label(root, path, names) for root, path in group if path in pixels], dtype=torch.int64),
        )
        for group in paths
    ]
    is_inverted = _is_light(torch.cat([group.pixels for group in groups]))
    if is_inverted:
        groups = [LabeledImages(255 - group.pixels, group.labels) for group in groups]
    return PictureFolder(groups[0], groups[1] if len(groups) == 2 else None, names, unreadable, is_inverted)


def _subfolder(folder: Path, names: Sequence[str]) -> Path | None:
    """First of the named subfolders that exists."""
    present = {path.name.lower(): path for path in folder.iterdir() if path.is_dir()}
    return next((present[name] for name in names if name in present), None)


def read_picture(path: Path) -> UInt8[ndarray, "28 28"]:
    """Grey levels of one picture, scaled and centred.

    Raises:
        PermissionError: the file may not be read.
        OSError, ValueError: the file is damaged, too large, or no picture (`PICTURE_ERRORS`).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of pictures that it reads all the same
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(path) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ValueError(f"{picture.width} x {picture.height} pixels are too many")
            picture.draft("L", (JPEG_SIZE, JPEG_SIZE))
            upright = ImageOps.exif_transpose(picture)
            return _fit(to_grey(upright, background=_background(upright)))


def _background(picture: Image.Image) -> str:
    """Colour behind the transparent parts of a picture: white behind dark ink, black behind light ink."""
    alpha = np.asarray(picture.convert("RGBA").getchannel("A"), dtype=np.float64)
    if alpha.min() == 255:
        return "black"
    ink = np.asarray(picture.convert("RGBA").convert("L"), dtype=np.float64)
    return "white" if (ink * alpha).sum() < 127.5 * alpha.sum() else "black"


def _fit(grey: UInt8[ndarray, "h w"]) -> UInt8[ndarray, "28 28"]:
    """Scale to 28 pixels along the longer side, and centre on the grey level of the border."""
    if grey.shape == (IMAGE_SIZE, IMAGE_SIZE):
        return grey
    height, width = (max(1, round(IMAGE_SIZE * side / max(grey.shape))) for side in grey.shape)
    scaled = Image.fromarray(grey).resize((width, height), Image.Resampling.LANCZOS)
    canvas = Image.new("L", (IMAGE_SIZE, IMAGE_SIZE), int(np.median(_border(grey))))
    canvas.paste(scaled, ((IMAGE_SIZE - width) // 2, (IMAGE_SIZE - height) // 2))
    return np.asarray(canvas)


def _border(grey: UInt8[ndarray, "h w"]) -> UInt8[ndarray, " n"]:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _is_light(pixels: UInt8[Tensor, "N 28 28"]) -> bool:
    """Whether the borders of most pictures are light."""
    borders = torch.cat([pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]], 1)
    return bool(borders.median(1).values.float().median() > 127)


def _read_all(paths: Sequence[Path]) -> tuple[dict[Path, UInt8[ndarray, "28 28"]], list[Path]]:
    """Grey levels of the readable pictures, and the paths of the others."""
    pixels, unreadable = {}, []
    with progress("pictures", max(len(paths), 1), "read") as bar:
        for done, path in enumerate(paths, 1):
            try:
                pixels[path] = read_picture(path)
            except PermissionError:
                raise
            except PICTURE_ERRORS:
                unreadable.append(path)
            bar.advance(done)
    return pixels, unreadable


def _class_of(root: Path, path: Path) -> str | None:
    """Subfolder that a picture is in; None if it is in the folder itself."""
    parts = path.relative_to(root).parts
    return parts[0] if len(parts) > 1 else None


def _class_names(folder: Path, classes: Sequence[set[str | None]]) -> tuple[str, ...]:
    """Names of the classes, numbers in their order; none if there are no subfolders, or only one.

    Raises:
        DataError: there are no pictures, too many, or the classes are ambiguous.
    """
    if not all(classes):
        raise DataError(f"{folder}: holds no pictures in one of train and test")
    if any(None in group and len(group) > 1 for group in classes):
        raise DataError(
            f"{folder}: holds pictures beside subfolders of pictures; put each into the subfolder of its class"
        )
    names = [name for name in classes[0] if name is not None]
    if any(group - classes[0] for group in classes[1:]):
        raise DataError(f"{folder}: its test pictures have classes that its training pictures do not have")
    if len(names) > MAX_CLASSES:
        raise DataError(f"{folder}: has {len(names):,} subfolders; at most {MAX_CLASSES} classes are supported")
    if len(names) < 2:
        return ()
    return tuple(sorted(names, key=lambda name: (0, int(name), name) if name.isdecimal() else (1, 0, name)))


def _label(root: Path, path: Path, names: tuple[str, ...]) -> int:
    return names.index(str(_class_of(root, path))) if names else 0


def _names(paths: Sequence[Path], folder: Path, count: int = 3) -> str:
    """First few of some paths, in one line."""
    named = ", ".join(str(path.relative_to(folder)) for path in paths[:count])
    return named if len(paths) <= count else f"{named}, ..."
