import os

import numpy as np
import pytest
from PIL import Image, ImageDraw

from palingen.gan.data.pictures import MAX_PIXELS, PICTURE_ERRORS, read_picture, read_picture_folder
from palingen.runtime.errors import DataError


def write_pictures(folder, count, level=200, size=(28, 28), suffix=".png"):
    """Black pictures with a square in the middle."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        picture = Image.new("L", size)
        width, height = size
        ImageDraw.Draw(picture).rectangle((width // 3, height // 3, width // 2, height // 2), fill=level + index)
        picture.save(folder / f"{index:03d}{suffix}")


def test_subfolders_are_classes_in_the_order_of_their_names_and_numbers(tmp_path):
    for name in ("10", "9", "b", "A"):
        write_pictures(tmp_path / name, 2)
    folder = read_picture_folder(tmp_path)
    assert folder.class_names == ("9", "10", "A", "b")
    assert folder.train.labels.tolist() == [1, 1, 0, 0, 2, 2, 3, 3]  # in the order of the paths
    assert folder.train.pixels.shape == (8, 28, 28)
    assert folder.test is None


@pytest.mark.parametrize("depth", ["", "all", "all/of/them"])
def test_without_subfolders_or_with_a_single_one_there_are_no_classes(tmp_path, depth):
    write_pictures(tmp_path / depth, 3)
    folder = read_picture_folder(tmp_path)
    assert folder.class_names == ()
    assert folder.train.labels.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("train", "test"),
    [("train", "test"), ("train", "t10k"), ("Train", "Test"), ("training", "testing"), ("train", "val")],
)
def test_folders_train_and_test_are_the_two_splits(tmp_path, train, test):
    for split, count in ((train, 3), (test, 1)):
        for label in "xy":
            write_pictures(tmp_path / split / label, count)
    folder = read_picture_folder(tmp_path)
    assert (len(folder.train), len(folder.test)) == (6, 2)
    assert folder.class_names == ("x", "y")
    assert folder.test.labels.tolist() == [0, 1]


def test_of_test_and_validation_folders_beside_train_the_test_folder_is_taken(tmp_path):
    for split, count in (("train", 3), ("val", 2), ("test", 1)):
        write_pictures(tmp_path / split, count)
    folder = read_picture_folder(tmp_path)
    assert (len(folder.train), len(folder.test)) == (3, 1)


def test_28_by_28_grey_pictures_are_unchanged(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 100, (28, 28), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert np.array_equal(read_picture(tmp_path / "a.png"), pixels)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "I;16", "F"])
@pytest.mark.parametrize("size", [(28, 28), (100, 100), (8, 8)])
def test_a_picture_of_any_mode_and_size_is_28_by_28_grey(tmp_path, mode, size):
    picture = Image.new("L", size)
    ImageDraw.Draw(picture).rectangle((0, 0, size[0] // 2 - 1, size[1]), fill=255)  # the left half is white
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture).astype(np.uint16) * 257)
    path = tmp_path / ("a.tif" if mode in ("CMYK", "F", "I;16") else "a.png")
    (picture if mode == "I;16" else picture.convert(mode)).save(path)
    grey = read_picture(path)
    assert grey.shape == (28, 28)
    assert grey[:, :10].min() > 225
    assert grey[:, 18:].max() < 30


@pytest.mark.parametrize(("size", "rows", "columns"), [((200, 100), 14, 28), ((10, 40), 28, 7), ((3000, 1), 1, 28)])
def test_the_aspect_is_kept_and_the_picture_centred_on_the_grey_of_its_border(tmp_path, size, rows, columns):
    picture = Image.new("L", size, 60)
    width, height = size
    if height > 1:
        ImageDraw.Draw(picture).rectangle((width // 4, height // 4, 3 * width // 4, 3 * height // 4), fill=200)
    picture.save(tmp_path / "a.png")
    grey = read_picture(tmp_path / "a.png").astype(int)
    above, left = (28 - rows) // 2, (28 - columns) // 2
    assert np.abs(np.delete(grey, range(above, above + rows), 0) - 60).max(initial=0) == 0
    assert np.abs(np.delete(grey, range(left, left + columns), 1) - 60).max(initial=0) == 0
    if rows > 1:
        assert grey[14, 14] == pytest.approx(200, abs=15)


def test_the_orientation_of_a_camera_is_respected(tmp_path):
    picture = Image.new("L", (28, 28))
    ImageDraw.Draw(picture).rectangle((0, 0, 27, 9), fill=255)  # white on top
    exif = Image.Exif()
    exif[0x0112] = 6  # the top is on the right
    picture.save(tmp_path / "a.png", exif=exif)
    grey = read_picture(tmp_path / "a.png")
    assert grey[:, -10:].min() == 255
    assert grey[:, :-10].max() == 0


@pytest.mark.parametrize(("ink", "background"), [(0, 255), (255, 0)])
def test_transparent_parts_become_the_background_of_the_ink(tmp_path, ink, background):
    picture = Image.new("LA", (28, 28), (ink, 0))
    ImageDraw.Draw(picture).rectangle((10, 10, 17, 17), fill=(ink, 255))
    picture.save(tmp_path / "a.png")
    grey = read_picture(tmp_path / "a.png")
    assert (grey[14, 14], grey[0, 0]) == (ink, background)


def test_light_backgrounds_of_most_pictures_are_inverted_in_all_and_dark_ones_in_none(tmp_path):
    write_pictures(tmp_path, 3)
    assert not read_picture_folder(tmp_path).is_inverted
    for index in range(5):
        Image.new("L", (28, 28), 250).save(tmp_path / f"paper-{index}.png")
    folder = read_picture_folder(tmp_path)
    assert folder.is_inverted
    assert folder.train.pixels[-1].unique().tolist() == [5]
    assert folder.train.pixels[0, 0, 0] == 255


def test_unreadable_pictures_are_listed_and_the_others_read(tmp_path):
    write_pictures(tmp_path, 4)
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    os.truncate(tmp_path / "001.png", 60)
    (tmp_path / ".hidden.png").write_text("another program's")
    folder = read_picture_folder(tmp_path)
    assert [path.name for path in folder.unreadable] == ["001.png", "empty.jpg", "text.png"]
    assert len(folder.train) == 3


def bomb(width, height):
    """Small PNG file that declares a size."""
    path_bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return path_bytes + b"\x08\0\0\0\0" + b"\0" * 40


@pytest.mark.parametrize("size", [(MAX_PIXELS, 2), (20_000, 20_000), (2**30, 2**30)])
def test_a_picture_that_declares_too_many_pixels_is_not_decoded(tmp_path, size):
    (tmp_path / "bomb.png").write_bytes(bomb(*size))
    with pytest.raises(PICTURE_ERRORS):
        read_picture(tmp_path / "bomb.png")


@pytest.mark.parametrize(
    ("arrange", "message"),
    [
        (lambda root: (root / "a.png").write_bytes(b""), r"none of its 1 pictures can be read \(a.png\)"),
        (lambda root: (write_pictures(root / "x", 1), write_pictures(root, 1)), "holds pictures beside subfolders"),
        (
            lambda root: (write_pictures(root / "train" / "x", 1), write_pictures(root / "test" / "y", 1)),
            "test pictures have classes that its training pictures do not have",
        ),
        (lambda root: (write_pictures(root / "train", 1), (root / "test").mkdir()), "no pictures in one of train and"),
    ],
    ids=["unreadable", "ambiguous", "another class", "no test pictures"],
)
def test_a_folder_without_readable_pictures_or_with_ambiguous_classes_is_refused(tmp_path, arrange, message):
    arrange(tmp_path)
    with pytest.raises(DataError, match=message) as refusal:
        read_picture_folder(tmp_path)
    assert "\n" not in str(refusal.value)
