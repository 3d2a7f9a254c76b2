import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from palingen.gan.data.datasets import STACKED_SIZE, StackedMnist
from palingen.gan.data.mnist import load_images
from palingen.gan.evaluation.classifier import load_classifier
from palingen.gan.evaluation.stacked_mnist import (
    NUM_SAMPLES,
    count_modes,
    read_numbers,
    score_real_digits,
)

CPU = torch.device("cpu")


def test_a_thousand_equally_frequent_numbers_have_a_divergence_of_zero():
    score = count_modes(torch.arange(1000).repeat(7))
    assert (score.n, score.modes) == (7000, 1000)
    assert score.reverse_kl == pytest.approx(0, abs=1e-12)


@given(k=st.integers(1, 1000))
def test_k_equally_frequent_numbers_have_a_divergence_of_log_1000_over_k(k):
    score = count_modes(torch.arange(k))
    assert score.modes == k
    assert score.reverse_kl == pytest.approx(math.log(1000 / k), abs=1e-9)


def test_the_classifier_reads_the_numbers_of_the_dataset():
    stacked = StackedMnist(load_images("t10k"), CPU, count=3000)
    numbers = read_numbers(load_classifier(), stacked.pixels(torch.arange(3000)))
    assert (numbers == stacked.labels).double().mean() > 0.97  # three digits, each read correctly in more than 99 %


def test_the_training_images_cover_all_modes_and_are_nearly_balanced():
    score = count_modes(StackedMnist(load_images("train"), CPU, STACKED_SIZE).labels)
    assert score.modes == 1000
    assert score.reverse_kl < 0.03  # MNIST's classes are not quite balanced


def test_real_digits_score_nearly_all_modes():
    score = score_real_digits()
    assert score.n == NUM_SAMPLES
    assert score.modes == 1000
    assert 0 < score.reverse_kl < 0.05
