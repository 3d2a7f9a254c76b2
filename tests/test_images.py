import gzip
import shutil

import pytest
import torch
from conftest import write_idx

from palingen.adversarial import images
from palingen.adversarial.images import MNIST, load_images, to_pixels, to_unit
from palingen.errors import DataError


def test_mnist_is_whole():
    training, test = load_images("train"), load_images("t10k")
    assert (training.pixels.shape, test.pixels.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert training.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert torch.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_a_folder_of_idx_files_is_read_packed_or_plain(few_digits, tmp_path):
    for path in few_digits.iterdir():
        (tmp_path / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    packed, plain = load_images("train", str(few_digits)), load_images("train", str(tmp_path))
    assert torch.equal(packed.pixels, plain.pixels)
    assert len(packed) == 200


@pytest.fixture
def own_mnist(tmp_path, monkeypatch):
    """A copy of the package's MNIST that may be damaged."""
    shutil.copytree(MNIST, tmp_path / "mnist")
    monkeypatch.setattr(images, "MNIST", tmp_path / "mnist")
    return tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz"


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: path.unlink(), "missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:1000]), "damaged"),
        (lambda path: path.write_bytes(b"not gzip"), "damaged"),
        (lambda path: path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1] + b"\0")), "SHA-256"),
    ],
)
def test_a_missing_or_damaged_file_of_mnist_is_named(own_mnist, damage, says):
    damage(own_mnist)
    with pytest.raises(DataError, match=f"t10k-labels-idx1-ubyte.gz: .*{says}"):
        load_images("t10k")


def test_a_file_that_is_no_idx_or_does_not_fit_is_named(few_digits, tmp_path):
    shutil.copytree(few_digits, tmp_path, dirs_exist_ok=True)
    labels = tmp_path / "train-labels-idx1-ubyte.gz"
    labels.write_bytes(gzip.compress(b"PK\3\4"))
    with pytest.raises(DataError, match="not an IDX file"):
        load_images("train", str(tmp_path))
    labels.write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\xff" + b"\0" * 10))
    with pytest.raises(DataError, match="header says"):
        load_images("train", str(tmp_path))
    write_idx(labels, torch.zeros(7, dtype=torch.uint8).numpy())
    with pytest.raises(DataError, match="do not fit"):
        load_images("train", str(tmp_path))


def test_grey_levels_survive_the_way_to_the_generators_range_and_back():
    levels = torch.arange(256, dtype=torch.uint8)
    assert to_unit(levels).min() == -1
    assert to_unit(levels).max() == 1
    assert torch.equal(to_pixels(to_unit(levels)), levels)
