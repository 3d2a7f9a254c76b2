import gzip
import shutil

import pytest
import torch
from support import write_idx

from palingen.gan.data import mnist
from palingen.gan.data.mnist import MNIST_DIR, LabeledImages, load_images, to_pixels, to_unit, write_images
from palingen.runtime.errors import DataError


def test_mnist_has_its_sizes_and_classes():
    training, test = load_images("train"), load_images("t10k")
    assert (training.pixels.shape, test.pixels.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert training.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert torch.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_compressed_and_plain_idx_files_hold_the_same_images(few_digits, tmp_path):
    for path in few_digits.iterdir():
        (tmp_path / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    compressed, plain = load_images("train", str(few_digits)), load_images("train", str(tmp_path))
    assert torch.equal(compressed.pixels, plain.pixels)
    assert len(compressed) == 200


def test_written_images_are_read_back(tmp_path):
    images = LabeledImages(torch.randint(256, (3, 28, 28), dtype=torch.uint8), torch.tensor([4, 0, 9]))
    write_images(tmp_path, "train", images)
    restored = load_images("train", str(tmp_path))
    assert torch.equal(restored.pixels, images.pixels)
    assert torch.equal(restored.labels, images.labels)


@pytest.fixture
def copied_labels(tmp_path, monkeypatch):
    """Label file of a copy of the package's MNIST, which may be damaged."""
    shutil.copytree(MNIST_DIR, tmp_path / "mnist")
    monkeypatch.setattr(mnist, "MNIST_DIR", tmp_path / "mnist")
    return tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:1000]), "damaged"),
        (lambda path: path.write_bytes(b"not gzip"), "damaged"),
        (lambda path: path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1] + b"\0")), "SHA-256"),
    ],
    ids=["missing", "truncated", "not gzip", "one label changed"],
)
def test_a_missing_or_damaged_file_of_mnist_is_refused_by_name_in_one_line(copied_labels, damage, message):
    damage(copied_labels)
    with pytest.raises(DataError, match=rf"t10k-labels-idx1-ubyte.gz: .*{message}") as refusal:
        load_images("t10k")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\3\4", "not an IDX file of unsigned bytes"),
        (b"\0\0\x08\x01\0\0\0\xff" + b"\0" * 10, r"header declares the shape \[255\], but it has fewer bytes"),
        (b"\0\0\x08\x01\0\0\0\x02" + b"\0" * 10, r"header declares the shape \[2\], but it has more bytes"),
        (b"\0\0\x08\x03\0\0\0\xff", "header is cut off"),
        (b"\0\0\x08\x03" + b"\x7f" * 12 + b"\0" * 10**7, "declares more than 768 MB"),
        (b"\0\0\x08\xff" + b"\xff" * 1020, "declares more than 768 MB"),
    ],
    ids=["other format", "fewer bytes", "more bytes", "cut header", "bomb", "255 dimensions"],
)
def test_a_file_that_is_not_idx_is_refused_by_name(few_digits, tmp_path, content, message):
    shutil.copytree(few_digits, tmp_path, dirs_exist_ok=True)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match=f"train-labels-idx1-ubyte.gz: .*{message}"):
        load_images("train", str(tmp_path))


@pytest.mark.parametrize(
    ("kind", "shape"),
    [("labels-idx1", (7,)), ("labels-idx1", (200, 1)), ("images-idx3", (200, 32, 32)), ("images-idx3", (0, 28, 28))],
)
def test_images_and_labels_of_other_shapes_are_refused(few_digits, tmp_path, kind, shape):
    shutil.copytree(few_digits, tmp_path, dirs_exist_ok=True)
    write_idx(tmp_path / f"train-{kind}-ubyte.gz", torch.zeros(shape, dtype=torch.uint8).numpy())
    with pytest.raises(DataError, match=r"train images .* must be \(N, 28, 28\) and \(N,\)"):
        load_images("train", str(tmp_path))


def test_every_grey_level_is_unchanged_by_the_generators_range_and_back():
    levels = torch.arange(256, dtype=torch.uint8)
    assert (to_unit(levels).min(), to_unit(levels).max()) == (-1, 1)
    assert torch.equal(to_pixels(to_unit(levels)), levels)


def test_values_are_rounded_to_the_nearest_grey_level_and_clipped():
    assert to_pixels(torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0])).tolist() == [0, 0, 128, 255, 255]
