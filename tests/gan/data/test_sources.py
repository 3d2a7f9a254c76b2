import re

import numpy as np
import pytest
import torch
from PIL import Image

from palingen.gan.data import sources
from palingen.gan.data.dataset_info import MNIST_INFO
from palingen.gan.data.mnist import LabeledImages, write_images
from palingen.gan.data.sources import count_classes, load_data, load_images
from palingen.runtime.errors import DataError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 28, 28), dtype=np.uint8)
LABELS = np.arange(40) % 4


def test_a_part_of_mnist_has_mnists_identity_and_any_other_images_their_own(few_digits, tmp_path):
    assert load_data("mnist").info == load_data(str(few_digits)).info == MNIST_INFO
    images = load_images("train", str(few_digits))
    changed = LabeledImages(images.pixels.clone(), images.labels)
    changed.pixels[-1, 14, 14] ^= 1
    write_images(tmp_path, "train", changed)
    info = load_data(str(tmp_path)).info
    assert not info.is_mnist
    assert info.class_names == tuple("0123456789")


@pytest.mark.parametrize("form", ["idx", "npz"])
def test_mnist_images_of_only_some_digits_are_a_data_set_of_their_own_with_those_classes(tmp_path, form):
    images = load_images("train").select(torch.arange(200))
    images = images.select((images.labels < 3).nonzero().flatten())
    if form == "idx":
        write_images(tmp_path, "train", images)
    else:
        np.savez(tmp_path / "few.npz", images=images.pixels.numpy(), labels=images.labels.numpy())
    info = load_data(str(tmp_path if form == "idx" else tmp_path / "few.npz")).info
    assert not info.is_mnist
    assert info.class_names == ("0", "1", "2")


def test_mnists_test_images_are_a_data_set_of_their_own_since_scores_are_compared_with_them(tmp_path):
    images = load_images("t10k").select(torch.arange(200))
    np.savez(tmp_path / "seen.npz", images=images.pixels.numpy(), labels=images.labels.numpy())
    assert not load_data(str(tmp_path / "seen.npz")).info.is_mnist


def test_an_idx_folder_without_test_files_holds_a_tenth_out(tmp_path):
    write_images(tmp_path, "train", LabeledImages(torch.from_numpy(IMAGES), torch.from_numpy(LABELS)))
    data = load_data(str(tmp_path))
    assert (len(data.train), len(data.test), data.info.num_classes) == (36, 4, 4)
    pixels = torch.cat([data.train.pixels, data.test.pixels])
    assert {image.numpy().tobytes() for image in pixels} == {image.tobytes() for image in IMAGES}


def test_the_identity_is_of_the_images_and_not_of_their_place(tmp_path):
    for name in ("a.npz", "b.npz"):
        np.savez(tmp_path / name, images=IMAGES, labels=LABELS)
    np.savez(tmp_path / "c.npz", images=IMAGES, labels=(LABELS + 1) % 4)
    a, b, c = (load_data(str(tmp_path / f"{name}.npz")).info for name in "abc")
    assert a.sha256 == b.sha256 != c.sha256


def test_a_changed_source_is_read_again(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, images=IMAGES, labels=LABELS)
    assert len(load_data(str(path)).train) == 36
    assert load_data(str(path)) is load_data(str(path))
    np.savez(path, images=IMAGES[:20], labels=LABELS[:20])
    assert len(load_data(str(path)).train) == 18


def test_images_may_be_changed_without_changing_those_of_the_next_training(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, images=IMAGES, labels=LABELS)
    images = load_images("train", path)
    before = load_data(str(path)).train.pixels.clone()
    images.pixels.zero_()
    images.labels.zero_()
    assert torch.equal(load_data(str(path)).train.pixels, before)
    assert load_data(str(path)).train.labels.any()


@pytest.mark.parametrize(
    "images",
    [IMAGES, IMAGES[:, None], IMAGES / 255, (IMAGES / 127.5 - 1).astype(np.float32)],
    ids=["uint8", "with a channel", "0 to 1", "-1 to 1"],
)
def test_an_npz_file_holds_images_and_labels(tmp_path, images):
    np.savez(tmp_path / "a.npz", images=images, labels=LABELS)
    data = load_data(str(tmp_path / "a.npz"))
    pixels = torch.cat([data.train.pixels, data.test.pixels])
    assert {image.numpy().tobytes() for image in pixels} == {image.tobytes() for image in IMAGES}
    assert data.info.class_names == ("0", "1", "2", "3")


def test_an_npz_file_may_have_test_images_labels_in_text_and_names(tmp_path, capsys):
    names = np.array(["fig", "pear", "kiwi", "plum"])
    arrays = {"x_train": IMAGES[:30], "x_test": IMAGES[30:]}
    np.savez(tmp_path / "text.npz", **arrays, y_train=names[LABELS[:30]], y_test=names[LABELS[30:]])
    data = load_data(str(tmp_path / "text.npz"))
    assert (len(data.train), len(data.test)) == (30, 10)
    assert data.info.class_names == ("fig", "kiwi", "pear", "plum")
    assert [data.info.class_names[label] for label in data.train.labels[:4]] == ["fig", "pear", "kiwi", "plum"]
    np.savez(tmp_path / "named.npz", **arrays, y_train=LABELS[:30], y_test=LABELS[30:], class_names=names)
    data = load_data(str(tmp_path / "named.npz"))
    assert data.info.class_names == tuple(names)
    assert data.train.labels[:4].tolist() == [0, 1, 2, 3]
    assert "named.npz: 30 training and 10 test images, 4 classes\n" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["npz", "npy"])
def test_images_without_labels_have_no_classes(tmp_path, suffix):
    (np.savez if suffix == "npz" else np.save)(tmp_path / f"a.{suffix}", IMAGES)
    data = load_data(str(tmp_path / f"a.{suffix}"))
    assert data.info.class_names == ()
    assert count_classes(str(tmp_path / f"a.{suffix}")) == 0
    assert data.train.labels.tolist() == [0] * 36


def test_pictures_are_described_in_one_line_with_the_first_unreadable_ones(tmp_path, capsys):
    for name in ("fig", "kiwi"):
        (tmp_path / name).mkdir()
        for index in range(10):
            Image.fromarray(255 - IMAGES[index] // 8).save(tmp_path / name / f"{index}.png")
        for index in range(2):
            (tmp_path / name / f"bad-{index}.png").write_text("")
    data = load_data(str(tmp_path))
    assert data.info.class_names == ("fig", "kiwi")
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith(str(tmp_path))]
    assert line == (
        f"{tmp_path}: 18 training and 2 test images, held out at random, 2 classes; light backgrounds inverted; "
        "4 unreadable left out: bad-0.png, bad-1.png, bad-0.png, ..."
    )


def test_letters_of_a_class_name_that_cannot_be_printed_are_replaced(tmp_path):
    for name in ("a\nb", "c"):
        (tmp_path / name).mkdir()
        for index in range(5):
            Image.fromarray(IMAGES[index]).save(tmp_path / name / f"{index}.png")
    assert load_data(str(tmp_path)).info.class_names == ("a?b", "c")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": IMAGES, "y": LABELS}, "holds the arrays x, y; name one of them images"),
        ({"images": IMAGES, "labels": LABELS[:5]}, r"40 images but labels of the shape \(5,\)"),
        ({"images": IMAGES, "labels": LABELS[:, None]}, "labels must be one integer or text for each image"),
        ({"images": IMAGES, "labels": LABELS / 2}, "labels must be one integer or text for each image"),
        (
            {"images": IMAGES, "labels": LABELS, "class_names": ["a"]},
            "labels must be from 0 to 0, positions in class_na",
        ),
        ({"images": IMAGES * 2.0, "labels": LABELS}, "must be between 0 and 1"),
        ({"images": IMAGES[:, :20], "labels": LABELS}, r"must be \(N, 28, 28\)"),
        ({"images": IMAGES[:1], "labels": LABELS[:1]}, "has a single image"),
        ({"y_train": LABELS, "y_test": LABELS}, "holds no array images or x_train"),
    ],
)
def test_wrong_arrays_are_named_in_one_line(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=rf"^{re.escape(str(tmp_path))}/a.npz: .*{message}") as refusal:
        load_data(str(tmp_path / "a.npz"))
    assert "\n" not in str(refusal.value)


def test_a_missing_or_empty_source_is_named_with_the_known_names(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"^nowhere: missing; a data set is mnist, fashion-mnist, .*, or the path of a"):
        load_data("nowhere")
    with pytest.raises(DataError, match=r"holds neither IDX files .* nor pictures"):
        load_data(str(tmp_path))
    with pytest.raises(DataError, match=r"^: missing; a data set is mnist"):
        load_data("")
    monkeypatch.setattr(sources, "MAX_FILES", 2)
    for index in range(3):
        (tmp_path / f"{index}.txt").write_text("")
    with pytest.raises(DataError, match=r"holds more than 2 files; name the folder of the pictures itself"):
        load_data(str(tmp_path))
    with pytest.raises(DataError, match="split: unknown 'test'"):
        load_images("test")
