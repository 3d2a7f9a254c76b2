import numpy as np
from PIL import Image

from palingen.runtime.image_io import GAP, tile, write_array, write_png


def test_tiles_lie_row_by_row_with_gaps_of_the_background():
    pixels = np.arange(1, 4, dtype=np.uint8)[:, None, None] * np.ones((3, 2, 3), np.uint8)
    grid = tile(pixels, columns=2, background=9)
    assert grid.shape == (2 * 2 + GAP, 2 * 3 + GAP)
    assert (grid[:2, :3] == 1).all()
    assert (grid[:2, 3 + GAP :] == 2).all()
    assert (grid[2 + GAP :, :3] == 3).all()
    assert (grid[2 : 2 + GAP] == 9).all()
    assert (grid[2 + GAP :, 3:] == 9).all()


def test_a_scale_enlarges_images_and_gaps_alike():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3, 3), dtype=np.uint8)
    assert np.array_equal(tile(pixels, 2, scale=4), np.kron(tile(pixels, 2), np.ones((4, 4), np.uint8)))


def test_pictures_and_arrays_load_as_they_were_written(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7), dtype=np.uint8)
    write_png(tmp_path / "image.png", pixels)
    write_array(tmp_path / "image.npy", pixels)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "image.png")), pixels)
    assert np.array_equal(np.load(tmp_path / "image.npy"), pixels)
