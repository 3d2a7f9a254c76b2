"""Data sets that are known by name and downloaded once: Fashion-MNIST, KMNIST, and two parts of EMNIST.

Sizes, addresses and hashes are those of their authors.
"""

import string
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from palingen.gan.data.downloads import RemoteFile, download
from palingen.gan.data.mnist import LabeledImages, load_images
from palingen.runtime.atomic_io import write_atomically
from palingen.runtime.errors import DataError
from palingen.runtime.paths import cache_folder

SPLITS = ("train", "t10k")

IDX_FILES = tuple(f"{split}-{kind}-ubyte.gz" for split in SPLITS for kind in ("images-idx3", "labels-idx1"))

FASHION_MIRRORS = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
)

FASHION_SHA256 = (
    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
)

KMNIST_MIRRORS = (
    "https://codh.rois.ac.jp/kmnist/dataset/kmnist",
    "http://codh.rois.ac.jp/kmnist/dataset/kmnist",
)

KMNIST_SHA256 = (
    "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
    "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
    "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
    "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
)

EMNIST = RemoteFile(
    "gzip.zip",
    "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
    (
        "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
        "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip",
    ),
)
"""All parts of EMNIST in one archive of 562 MB."""


@dataclass(frozen=True)
class NamedDataset:
    """Data set that is known by name."""

    class_names: tuple[str, ...]

    sizes: tuple[int, int]
    """Numbers of training and test images."""

    credit: str
    """Origin and licence, for pages that show images."""

    files: tuple[RemoteFile, ...] = ()
    """The four IDX files; or else they are in EMNIST's archive."""

    first_label: int = 0
    """Label of the first class in the files."""

    is_transposed: bool = False
    """Whether the files hold each image column by column."""

    def load(self, name: str) -> tuple[LabeledImages, LabeledImages]:
        """Training and test images, downloaded into the cache if they are not there.

        Raises:
            DataError: they cannot be downloaded, or a file is damaged.
        """
        folder = cache_folder() / "data" / name
        for file in self.files:
            download(file, folder)
        if not self.files and not all((folder / file).exists() for file in IDX_FILES):
            _extract_emnist(name, folder)
        train, test = (self._arrange(load_images(split, str(folder))) for split in SPLITS)
        return train, test

    def _arrange(self, images: LabeledImages) -> LabeledImages:
        pixels = images.pixels.transpose(1, 2).contiguous() if self.is_transposed else images.pixels
        return LabeledImages(pixels, images.labels - self.first_label)


def _idx_files(mirrors: tuple[str, ...], hashes: tuple[str, ...]) -> tuple[RemoteFile, ...]:
    return tuple(
        RemoteFile(file, sha256, tuple(f"{mirror}/{file}" for mirror in mirrors))
        for file, sha256 in zip(IDX_FILES, hashes, strict=True)
    )


def _extract_emnist(name: str, folder: Path) -> None:
    """Extract the four files of one part of EMNIST from the archive, which stays in the cache for the other parts."""
    archive = download(EMNIST, cache_folder() / "data" / "emnist")
    try:
        with zipfile.ZipFile(archive) as parts:
            for file in IDX_FILES:
                member = f"gzip/{name}-{file.replace('t10k', 'test')}"
                write_atomically(folder / file, parts.read(member))
    except (zipfile.BadZipFile, KeyError) as error:
        raise DataError(f"{archive}: not EMNIST's archive ({error}); delete it") from error


_MERGED = set("cijklmopsuvwxyz")
"""Small letters that EMNIST puts into one class with their capitals."""

NAMED: Mapping[str, NamedDataset] = {
    "fashion-mnist": NamedDataset(
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        (60_000, 10_000),
        "Fashion-MNIST (Zalando Research), MIT licence",
        _idx_files(FASHION_MIRRORS, FASHION_SHA256),
    ),
    "kmnist": NamedDataset(
        ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        (60_000, 10_000),
        "KMNIST dataset (created by CODH), adapted from Kuzushiji dataset (NIJL and others), CC BY-SA 4.0",
        _idx_files(KMNIST_MIRRORS, KMNIST_SHA256),
    ),
    "emnist-letters": NamedDataset(
        tuple(string.ascii_uppercase), (124_800, 20_800), "EMNIST (NIST)", first_label=1, is_transposed=True
    ),
    "emnist-balanced": NamedDataset(
        (*string.digits, *string.ascii_uppercase, *sorted(set(string.ascii_lowercase) - _MERGED)),
        (112_800, 18_800),
        "EMNIST (NIST)",
        is_transposed=True,
    ),
}
"""Data sets by name: Xiao et al. 2017, Clanuwat et al. 2018, Cohen et al. 2017."""
