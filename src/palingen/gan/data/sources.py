"""Data sets from any source: by name, a folder of IDX files, a folder of pictures, or a file of arrays."""

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Shaped
from numpy import ndarray
from torch import Generator

from palingen.gan.data.dataset_info import MNIST_INFO, DatasetInfo, hash_images
from palingen.gan.data.image_files import ARRAY_NAME, ARRAY_SUFFIXES, as_pixels, list_pictures, read_arrays
from palingen.gan.data.mnist import DIGIT_NAMES, LabeledImages
from palingen.gan.data.mnist import load_images as load_idx
from palingen.gan.data.named import IDX_FILES, NAMED, SPLITS
from palingen.gan.data.pictures import PictureFolder, read_picture_folder
from palingen.runtime.errors import DataError
from palingen.runtime.paths import cache_folder
from palingen.runtime.validation import unknown_choice

HELD_OUT = 10
"""One image of so many is held out for testing, where a source has no test images of its own."""

MAX_FILES = 300_000
"""Most files below a folder; with more it is hardly the right one."""

ARRAYS = (ARRAY_NAME, "labels", "x_train", "y_train", "x_test", "y_test", "class_names")
"""Arrays of an `.npz` file that are read."""


@dataclass(frozen=True)
class ImageData:
    """Training and test images of a data set. Images without classes all have the label 0."""

    info: DatasetInfo
    train: LabeledImages
    test: LabeledImages


def load_images(split: str, data: str | Path = "mnist") -> LabeledImages:
    """Images and classes of one split, which may be changed: trainings read their own.

    Args:
        split: `train` or `t10k`, MNIST's name for its test images.
        data: `mnist`, the name of another data set, or the path of a folder or file, as in `load_data`.

    Raises:
        DataError: the images are missing or damaged, or cannot be downloaded.
    """
    if split not in SPLITS:
        raise DataError(f"split: {unknown_choice(split, SPLITS)}")
    if data == "mnist":
        return load_idx(split)
    images = load_data(str(data))
    return (images.train if split == "train" else images.test).clone()


def load_data(data: str) -> ImageData:
    """Images of a data set.

    Args:
        data: `mnist`; one of `NAMED`, which is downloaded once; a folder of IDX files; a folder of pictures, with a
            subfolder for each class or none; or an `.npz` file with `images` and `labels` (or `x_train`, `y_train`,
            `x_test`, `y_test`), or an `.npy` file of images. Without test images, a tenth is held out.

    Raises:
        DataError: the images are missing or damaged, or cannot be downloaded.
    """
    if not data.isprintable():
        raise DataError(f"data={data!r}: must be printable text")
    if data == "mnist":
        return ImageData(MNIST_INFO, load_idx("train"), load_idx("t10k"))
    return _load(data, str(cache_folder()) if data in NAMED or not data else _stamp(Path(data)))


def count_classes(data: str) -> int:
    """Number of classes of `load_data`, without loading a data set that is known by name; 0 without classes."""
    if data in NAMED:
        return len(NAMED[data].class_names)
    return len(DIGIT_NAMES) if data in ("mnist", "stacked") else load_data(data).info.num_classes


@lru_cache(maxsize=2)
def _load(data: str, stamp: str) -> ImageData:
    """Images of a data set other than MNIST, read once as long as its files keep their `stamp`."""
    if data in NAMED:
        return _with_info(data, NAMED[data].class_names, *NAMED[data].load(data))
    path = Path(data)
    if path.suffix.lower() in ARRAY_SUFFIXES and not path.is_dir():
        return _from_arrays(data, read_arrays(path, ARRAYS))
    if not data or not path.exists():
        raise DataError(
            f"{data}: missing; a data set is {', '.join(('mnist', *NAMED))}, or the path of a folder or file"
        )
    if not any((path / name).exists() for file in IDX_FILES for name in (file, file.removesuffix(".gz"))):
        if list_pictures(path):
            return _from_pictures(data, read_picture_folder(path))
        raise DataError(f"{data}: holds neither IDX files ({IDX_FILES[0]}, ...) nor pictures")
    return _from_idx(data, path)


def _stamp(path: Path) -> str:
    """Hash of the names, sizes and times of all files of a source, which tells whether it has changed.

    Raises:
        DataError: there are too many files.
    """
    files = [path] if path.is_file() else []
    for folder, _, names in os.walk(path):
        files += [Path(folder) / name for name in names]
        if len(files) > MAX_FILES:
            raise DataError(f"{path}: holds more than {MAX_FILES:,} files; name the folder of the pictures itself")
    stats: list[tuple[str, int, int]] = []
    for file in sorted(files):
        with suppress(OSError):  # removed meanwhile, or a broken link
            stats.append((str(file), (stat := file.stat()).st_size, stat.st_mtime_ns))
    return hashlib.sha256(repr(stats).encode()).hexdigest()


def _from_idx(data: str, path: Path) -> ImageData:
    train = load_idx("train", data)
    has_test = any((path / name).exists() for file in IDX_FILES[2:] for name in (file, file.removesuffix(".gz")))
    test = load_idx("t10k", data) if has_test else None
    labels = torch.cat([images.labels for images in (train, test) if images])
    names = tuple(map(str, range(int(labels.max()) + 1)))
    return _with_info(data, names, *(_hold_out(data, train) if test is None else (train, test)))


def _from_pictures(data: str, folder: PictureFolder) -> ImageData:
    train, test = _hold_out(data, folder.train) if folder.test is None else (folder.train, folder.test)
    names = tuple("".join(letter if letter.isprintable() else "?" for letter in name) for name in folder.class_names)
    notes = [_describe(train, test, names, is_held_out=folder.test is None)]
    if folder.is_inverted:
        notes.append("light backgrounds inverted")
    if folder.unreadable:
        first = ", ".join(path.name for path in folder.unreadable[:3]) + ", ..." * (len(folder.unreadable) > 3)
        notes.append(f"{len(folder.unreadable):,} unreadable left out: {first}")
    print(f"{data}: {'; '.join(notes)}", file=sys.stderr)
    return _with_info(data, names, train, test)


def _from_arrays(data: str, arrays: Mapping[str, Shaped[ndarray, "..."]]) -> ImageData:
    names = ("x_train", "y_train") if "x_train" in arrays else (ARRAY_NAME, "labels")
    if names[0] not in arrays:
        raise DataError(f"{data}: holds no array {ARRAY_NAME} or x_train")
    pairs = [names, ("x_test", "y_test")] if "x_test" in arrays else [names]
    labels = [arrays.get(name) for _, name in pairs]
    class_names, encoded = _encode_labels(data, labels, arrays.get("class_names"))
    groups = []
    for (name, _), label in zip(pairs, encoded, strict=True):
        pixels = as_pixels(_to_unit_range(arrays[name]), Path(data))
        if label is not None and label.shape != pixels.shape[:1]:
            raise DataError(f"{data}: {len(pixels)} images but labels of the shape {tuple(label.shape)}")
        groups.append(LabeledImages(pixels, torch.zeros(len(pixels), dtype=torch.int64) if label is None else label))
    train, test = groups if len(groups) == 2 else _hold_out(data, groups[0])
    print(f"{data}: {_describe(train, test, class_names, is_held_out=len(groups) == 1)}", file=sys.stderr)
    return _with_info(data, class_names, train, test)


def _encode_labels(data: str, labels: list[Any], class_names: Any) -> tuple[tuple[str, ...], list[Any]]:
    """Names of the classes, and the labels as their positions; no names if a split has no labels.

    Raises:
        DataError: the labels are neither integers nor text, or have no name.
    """
    if any(group is None for group in labels):
        return (), [None] * len(labels)
    if not all(group.ndim == 1 and group.dtype.kind in "iuU" for group in labels):
        raise DataError(f"{data}: labels must be one integer or text for each image")
    values, positions = np.unique(np.concatenate(labels), return_inverse=True)
    names = tuple(map(str, values))
    if class_names is not None:
        if values.dtype.kind == "U" or values.min() < 0 or values.max() >= len(class_names):
            raise DataError(f"{data}: labels must be from 0 to {len(class_names) - 1}, positions in class_names")
        names, positions = tuple(map(str, class_names)), values[positions]
    split = np.split(positions.astype(np.int64), np.cumsum([len(group) for group in labels])[:-1])
    return (names if len(names) > 1 else ()), [torch.from_numpy(group.copy()) for group in split]


def _to_unit_range(images: Shaped[ndarray, "..."]) -> Shaped[ndarray, "..."]:
    """Floats from -1 to 1 as floats from 0 to 1; anything else unchanged."""
    is_signed = images.dtype.kind == "f" and images.size and -1 <= images.min() < 0 and images.max() <= 1
    return (images + 1) / 2 if is_signed else images


def _hold_out(data: str, images: LabeledImages) -> tuple[LabeledImages, LabeledImages]:
    """All but a tenth of the images, and that tenth, the first of a random order with seed 0."""
    if len(images) < 2:
        raise DataError(f"{data}: has a single image; at least two are needed, to hold one out for testing")
    order = torch.randperm(len(images), generator=Generator().manual_seed(0))
    count = max(1, len(images) // HELD_OUT)
    return images.select(order[count:].sort().values), images.select(order[:count].sort().values)


def _describe(train: LabeledImages, test: LabeledImages, names: tuple[str, ...], *, is_held_out: bool) -> str:
    held_out = ", held out at random" if is_held_out else ""
    return f"{len(train):,} training and {len(test):,} test images{held_out}, {len(names) or 'no'} classes"


def _with_info(data: str, names: tuple[str, ...], train: LabeledImages, test: LabeledImages) -> ImageData:
    """Data set with its identity: MNIST's if all training images are MNIST's, and of all digits."""
    for images in (train, test):
        if names and not 0 <= int(images.labels.min()) <= int(images.labels.max()) < len(names):
            raise DataError(f"{data}: its labels must be from 0 to {len(names) - 1}")
    is_mnist = names and data not in NAMED and _is_part_of_mnist(train)
    return ImageData(MNIST_INFO if is_mnist else DatasetInfo(data, names, hash_images(train, test, names)), train, test)


def _is_part_of_mnist(images: LabeledImages) -> bool:
    classes = images.labels.unique().tolist()
    return classes == [*range(len(DIGIT_NAMES))] and all(key in _mnist_keys() for key in _keys(images))


def _keys(images: LabeledImages) -> Iterator[bytes]:
    """Short hash of each image with its label."""
    for row, label in zip(images.pixels.flatten(1).numpy(), images.labels.tolist(), strict=True):
        yield hashlib.blake2b(row.tobytes() + bytes([label]), digest_size=8).digest()


@cache
def _mnist_keys() -> frozenset[bytes]:
    return frozenset(_keys(load_idx("train")))  # what has seen the test images must not be compared with them
