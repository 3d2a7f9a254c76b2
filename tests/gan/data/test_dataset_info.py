import pytest
import torch

from palingen.gan.data.dataset_info import INFO_FILE, MNIST_INFO, DatasetInfo, hash_images, read_info, write_info
from palingen.gan.data.mnist import LabeledImages
from palingen.runtime.errors import DataError

INFO = DatasetInfo("fruit", ("fig", "kiwi"), "ab" * 32)


def test_the_identity_of_a_runs_data_is_read_back_and_mnist_needs_no_file(tmp_path):
    write_info(tmp_path, MNIST_INFO)
    assert not (tmp_path / INFO_FILE).exists()
    assert read_info(tmp_path) == MNIST_INFO
    write_info(tmp_path, INFO)
    assert read_info(tmp_path) == INFO
    assert (INFO.num_classes, INFO.is_mnist, MNIST_INFO.is_mnist) == (2, False, True)


def test_a_run_is_not_continued_with_other_images(tmp_path):
    write_info(tmp_path, INFO)
    write_info(tmp_path, DatasetInfo("moved", INFO.class_names, INFO.sha256))
    with pytest.raises(DataError, match="its images have changed since the run"):
        write_info(tmp_path, DatasetInfo("fruit", INFO.class_names, "cd" * 32))


@pytest.mark.parametrize("content", ["{", '{"name": "a"}', '{"name": 1, "class_names": [], "sha256": ""}'])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / INFO_FILE).write_text(content)
    with pytest.raises(DataError, match=r"data\.json: damaged"):
        read_info(tmp_path)


def test_the_hash_depends_on_pixels_labels_split_and_names():
    images = LabeledImages(torch.zeros(2, 28, 28, dtype=torch.uint8), torch.tensor([0, 1]))
    others = [
        (LabeledImages(images.pixels + 1, images.labels), images, ("a", "b")),
        (LabeledImages(images.pixels, images.labels.flip(0)), images, ("a", "b")),
        (images, LabeledImages(images.pixels, images.labels.flip(0)), ("a", "b")),
        (images, images, ("a", "c")),
    ]
    assert len({hash_images(images, images, ("a", "b")), *(hash_images(*other) for other in others)}) == 5
