import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from palingen.adversarial.examples import STACKED, Single, Stacked, batch, load_examples
from palingen.adversarial.images import load_images
from palingen.adversarial.judge import load_judge
from palingen.adversarial.stacked import ModeScore, count_modes, numbers

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def stacked():
    return Stacked(load_images("t10k"), CPU, count=3000)


def test_all_thousand_numbers_drawn_equally_often_have_no_divergence():
    even = count_modes(torch.arange(1000).repeat(7))
    assert even == ModeScore(n=7000, modes=1000, reverse_kl=pytest.approx(0, abs=1e-12))


def test_a_single_number_diverges_by_the_logarithm_of_a_thousand():
    assert count_modes(torch.full((50,), 123)) == ModeScore(n=50, modes=1, reverse_kl=pytest.approx(math.log(1000)))


@given(k=st.integers(1, 1000))
def test_k_even_numbers_diverge_by_the_logarithm_of_a_thousand_over_k(k):
    score = count_modes(torch.arange(k))
    assert score.modes == k
    assert score.reverse_kl == pytest.approx(math.log(1000 / k), abs=1e-9)


def test_the_judge_reads_the_numbers_that_the_data_show(stacked):
    chosen = torch.arange(3000)
    read = numbers(load_judge(), stacked.pixels(chosen))
    assert (read == stacked.labels).double().mean() > 0.97  # three digits, each right in more than 99 %


def test_stacked_digits_are_three_images_whose_classes_make_the_number(stacked):
    single = load_images("t10k")
    pixels = stacked.pixels(torch.tensor([5, 17]))
    assert pixels.shape == (2, 3, 28, 28)
    for channel, digit in zip(pixels[0], f"{stacked.labels[5].item():03d}", strict=True):
        here = (single.pixels == channel).flatten(1).all(1)
        assert single.labels[here].tolist() == [int(digit)]


def test_stacked_digits_are_the_same_every_time_and_all_numbers_occur():
    one = Stacked(load_images("train"), CPU, STACKED)
    assert len(one) == 240_000
    assert torch.equal(one.labels, Stacked(load_images("train"), CPU, STACKED).labels)
    data = count_modes(one.labels)
    assert data.modes == 1000
    assert data.reverse_kl < 0.03  # the data themselves: MNIST's classes are not quite even


def test_single_images_come_by_their_place(few_digits):
    examples = load_examples(str(few_digits), CPU)
    images = load_images("train", str(few_digits))
    assert isinstance(examples, Single)
    assert len(examples) == 200
    assert torch.equal(examples.pixels(torch.tensor([3])), images.pixels[3:4].unsqueeze(1))
    assert examples.labels.tolist() == images.labels.tolist()
    real = batch(examples, torch.tensor([3, 4]))
    assert real.min() == -1
    assert real.dtype == torch.float32
