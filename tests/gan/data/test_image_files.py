import os

import numpy as np
import pytest
import torch
from PIL import Image

from palingen.gan.data.image_files import list_pictures, read_images, to_grey
from palingen.runtime.errors import DataError


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)


def write_pictures(folder, pixels, mode="L", suffix=".png"):
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(pixels):
        Image.fromarray(image).convert(mode).save(folder / f"{index:03d}{suffix}")
    return folder


@pytest.mark.parametrize(
    "write",
    [
        lambda path, pixels: np.save(path / "a.npy", pixels),
        lambda path, pixels: np.save(path / "a.npy", pixels[:, None].astype(np.float32) / 255),
        lambda path, pixels: np.savez(path / "a.npz", pixels),
        lambda path, pixels: np.savez_compressed(path / "a.npz", labels=np.zeros(6), images=pixels[..., None]),
    ],
    ids=["npy", "float with a channel", "npz of one array", "npz of several"],
)
def test_an_array_file_holds_the_images_that_were_written(tmp_path, pixels, write):
    write(tmp_path, pixels)
    (path,) = tmp_path.iterdir()
    assert np.array_equal(read_images(path).numpy(), pixels)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA"])
def test_a_folder_of_pictures_of_any_mode_is_read_in_the_order_of_its_paths(tmp_path, pixels, mode):
    write_pictures(tmp_path / "a", pixels[:3], mode)
    write_pictures(tmp_path / "b", pixels[3:], mode, ".PNG")
    (tmp_path / "notes.txt").write_text("no picture")
    assert len(list_pictures(tmp_path)) == 6
    assert np.abs(read_images(tmp_path).numpy().astype(int) - pixels).max() <= 1


def test_one_bit_palette_and_sixteen_bit_pictures_keep_black_and_white(tmp_path):
    stripes = np.zeros((28, 28), np.uint8)
    stripes[:, ::2] = 255
    for mode in ("1", "P"):
        Image.fromarray(stripes).convert(mode).save(tmp_path / f"{mode}.png")
    Image.fromarray(stripes.astype(np.uint16) * 257).save(tmp_path / "16.png")
    assert all(np.array_equal(image, stripes) for image in read_images(tmp_path).numpy())


def test_pictures_in_hidden_folders_are_left_out(tmp_path, pixels):
    write_pictures(tmp_path / ".thumbnails" / "large", pixels)
    write_pictures(tmp_path / "digits", pixels[:1])
    assert list_pictures(tmp_path) == [tmp_path / "digits" / "000.png"]


def test_pictures_below_a_hidden_folder_that_is_named_itself_are_read(tmp_path, pixels):
    assert len(list_pictures(write_pictures(tmp_path / ".cache" / "digits", pixels))) == 6


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        (np.array([[0, 0.2, 1]], np.float32), [0, 51, 255]),
        (np.array([[0, 51, 255]], np.float32), [0, 51, 255]),
        (np.array([[0, 51, 255]], np.uint16), [0, 51, 255]),
        (np.array([[0, 51 * 257, 65_535]], np.uint16), [0, 51, 255]),
        (np.array([[0, 51 * 257, 65_535]], np.int32), [0, 51, 255]),
        (np.array([[np.nan, -1, 1]], np.float32), [0, 0, 255]),
    ],
    ids=["float to 1", "float to 255", "16 bits to 255", "16 bits", "32 bits", "no number"],
)
def test_float_and_sixteen_bit_pictures_become_grey_levels_by_their_range(values, levels):
    assert to_grey(Image.fromarray(values)).tolist() == [levels]


def test_transparent_pixels_are_black(tmp_path):
    Image.new("RGBA", (28, 28), (255, 255, 255, 0)).save(tmp_path / "clear.png")
    assert read_images(tmp_path).max() == 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npy", b"no array", "a.npy: damaged, or not an array"),
        ("a.npz", b"PK\x03\x04 no archive", "a.npz: damaged, or not an array"),
        ("a.npy", b"", "a.npy: damaged"),
        ("a.txt", b"", "a.txt: must be an .npy or .npz file, or a folder"),
        ("missing.npy", None, "missing.npy: missing"),
    ],
)
def test_a_damaged_or_foreign_file_is_named_in_one_line(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    check_refused(tmp_path / name, message)


def test_a_truncated_array_file_is_named(tmp_path, pixels):
    for path, save in ((tmp_path / "a.npy", np.save), (tmp_path / "a.npz", np.savez)):
        save(path, pixels)
        os.truncate(path, 2000)
        check_refused(path, f"{path.name}: damaged")


def test_pickled_objects_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object))
    check_refused(tmp_path / "a.npy", "a.npy: damaged, or not an array of numbers")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((5, 28, 27), np.uint8), r"a.npy: shape=\(5, 28, 27\): must be \(N, 28, 28\)"),
        (np.zeros((0, 28, 28)), r"a.npy: shape=\(0, 28, 28\): must be"),
        (np.zeros((5, 28, 28), np.int32), "a.npy: dtype=int32: must be uint8 or float"),
        (np.full((5, 28, 28), 2.0), "a.npy: values from 2 to 2 must be between 0 and 1"),
        (np.full((5, 28, 28), np.nan), "a.npy: values from nan to nan must be between 0 and 1"),
        (np.array(["text"]), "a.npy: must be one array of numbers"),
    ],
)
def test_a_wrong_shape_type_or_range_is_named_with_its_file(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    check_refused(tmp_path / "a.npy", message)


def test_of_several_arrays_without_that_name_none_is_guessed(tmp_path, pixels):
    np.savez(tmp_path / "a.npz", x=pixels, y=pixels)
    check_refused(tmp_path / "a.npz", "a.npz: holds the arrays x, y; name one of them images")


def test_a_picture_of_another_size_is_named(tmp_path, pixels):
    write_pictures(tmp_path, pixels)
    Image.new("L", (32, 28)).save(tmp_path / "wide.png")
    check_refused(tmp_path, "wide.png: 32 x 28 pixels; must be 28 x 28")


@pytest.mark.parametrize("content", [b"no picture", b""])
def test_a_damaged_picture_is_named(tmp_path, pixels, content):
    write_pictures(tmp_path, pixels)
    (tmp_path / "damaged.png").write_bytes(content)
    check_refused(tmp_path, "damaged.png: damaged, or not a picture")


def test_a_truncated_picture_is_named(tmp_path, pixels):
    write_pictures(tmp_path, pixels[:1])
    os.truncate(tmp_path / "000.png", 300)
    check_refused(tmp_path, "000.png: damaged, or not a picture")


def test_a_folder_without_pictures_is_named(tmp_path):
    check_refused(tmp_path, "holds no pictures")


def check_refused(path, message):
    with pytest.raises(DataError, match=message) as refusal:
        read_images(path)
    assert "\n" not in str(refusal.value)


def test_grey_levels_are_a_tensor_of_bytes(tmp_path, pixels):
    assert read_images(write_pictures(tmp_path, pixels)).dtype is torch.uint8
