"""Identity of a data set: its name, its classes, and the hash of its images. It travels with a run as `data.json`."""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

from palingen.gan.data.mnist import DIGIT_NAMES, LabeledImages
from palingen.runtime.atomic_io import write_json
from palingen.runtime.errors import DataError
from palingen.runtime.json_io import read_json

INFO_FILE = "data.json"
"""Identity of the data that a run was trained on, in its folder. MNIST's runs have none."""

SHAPE = {"name": str, "class_names": [str], "sha256": str}

ADVICE = "it is written when the run is trained; train it again with force=True"


@dataclass(frozen=True)
class DatasetInfo:
    """Identity of a data set."""

    name: str
    """Value of `data`: a name or a path."""

    class_names: tuple[str, ...]
    """Name of each class; empty if the images have no classes."""

    sha256: str | None
    """Hash of all images and labels; None for MNIST or a part of it, for which the shipped classifiers were trained."""

    @property
    def num_classes(self) -> int:
        """Number of classes K; 0 without classes."""
        return len(self.class_names)

    @property
    def is_mnist(self) -> bool:
        """Whether the images are MNIST's or a part of them."""
        return self.sha256 is None


MNIST_INFO = DatasetInfo("mnist", DIGIT_NAMES, None)
"""Identity of the shipped digits."""


def hash_images(train: LabeledImages, test: LabeledImages, class_names: tuple[str, ...]) -> str:
    """SHA-256 over grey levels, labels and class names."""
    digest = hashlib.sha256("\0".join(class_names).encode())
    for images in (train, test):
        for tensor in (images.pixels, images.labels):
            digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()


def write_info(folder: Path, info: DatasetInfo) -> None:
    """Write the identity of a run's data into its folder, unless it is MNIST, which needs none.

    Raises:
        DataError: the run was begun with other images.
    """
    require_same_images(folder, info)
    if not info.is_mnist:
        write_json(folder / INFO_FILE, asdict(info))


def require_same_images(folder: Path, info: DatasetInfo) -> None:
    """Check that the run in `folder`, if there is one, was begun with these images.

    Raises:
        DataError: it was begun with others, or its file is damaged.
    """
    if (folder / INFO_FILE).exists() and read_info(folder).sha256 != info.sha256:
        raise DataError(
            f"{info.name}: its images have changed since the run {folder} was begun; force=True begins anew"
        )


def read_info(folder: Path) -> DatasetInfo:
    """Identity of the data of the run in `folder`.

    Raises:
        DataError: the file is damaged.
    """
    path = folder / INFO_FILE
    if not path.exists():
        return MNIST_INFO
    values = read_json(path, SHAPE, advice=ADVICE)
    return DatasetInfo(values["name"], tuple(values["class_names"]), values["sha256"])
