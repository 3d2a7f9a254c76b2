import pytest
import torch

from palingen.gan.data.datasets import STACKED_SIZE, GrayscaleDataset, StackedMnist, load_batch, load_dataset
from palingen.gan.data.mnist import load_images

CPU = torch.device("cpu")


def test_a_folder_of_idx_files_is_a_dataset_of_single_images(few_digits):
    dataset, images = load_dataset(str(few_digits), CPU), load_images("train", str(few_digits))
    assert isinstance(dataset, GrayscaleDataset)
    assert len(dataset) == 200
    assert torch.equal(dataset.pixels(torch.tensor([3])), images.pixels[3:4].unsqueeze(1))
    assert torch.equal(dataset.labels, images.labels)


@pytest.mark.parametrize("kind", [GrayscaleDataset, lambda images, device: StackedMnist(images, device, 50)])
def test_a_batch_has_the_range_of_the_generator(kind):
    dataset = kind(load_images("t10k"), CPU)
    batch = load_batch(dataset, torch.arange(20))
    assert batch.dtype is torch.float32
    assert (batch.min(), batch.max()) == (-1, 1)


def test_stacked_images_are_three_digits_that_form_the_label():
    single = load_images("t10k")
    stacked = StackedMnist(single, CPU, count=30)
    for index in (5, 17):
        (image,) = stacked.pixels(torch.tensor([index]))
        digits = []
        for channel in image:
            is_same = (single.pixels == channel).flatten(1).all(1)
            digits += single.labels[is_same].tolist()
        assert digits == [int(digit) for digit in f"{stacked.labels[index].item():03d}"]
        assert digits == stacked.channel_labels[index].tolist()


def test_stacked_mnist_has_the_same_240_000_images_every_time_and_all_numbers_occur():
    first, second = (load_dataset("stacked", CPU) for _ in range(2))
    assert len(first) == STACKED_SIZE == 240_000
    assert torch.equal(first.labels, second.labels)
    assert len(first.labels.unique()) == 1000
