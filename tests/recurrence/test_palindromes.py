import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator

from palingen.recurrence.palindromes import (
    Palindromes,
    count_palindromes,
    encode,
    mirror,
    sample_distinct,
    sample_test_palindromes,
    split_palindromes,
)


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def rows(digits: torch.Tensor) -> set[tuple[int, ...]]:
    return {tuple(row) for row in digits.tolist()}


@pytest.mark.parametrize("length", [2, 3, 4, 5])
def test_the_number_of_palindromes_is_that_of_all_digit_sequences_that_equal_their_reverse(length):
    sequences = torch.cartesian_prod(*[torch.arange(10)] * length)
    assert count_palindromes(length) == int((sequences == sequences.flip(1)).all(1).sum())


@given(length=st.integers(2, 40), count=st.integers(1, 60), seed=st.integers(0, 1000))
@settings(max_examples=60)
def test_sampled_rows_are_distinct_palindromes_of_their_length(length, count, seed):
    count = min(count, count_palindromes(length))
    digits = sample_distinct(length, count, seeded(seed))
    assert digits.shape == (count, length)
    assert torch.equal(digits, digits.flip(1))
    assert digits.max() <= 9
    assert len(rows(digits)) == count


@given(
    length=st.integers(2, 30),
    num_samples=st.integers(20, 400),
    train_fraction=st.floats(0.2, 0.8),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60)
def test_no_test_palindrome_occurs_in_training(length, num_samples, train_fraction, seed):
    split = split_palindromes(length, num_samples, train_fraction, seeded(seed))
    assert not rows(split.train.digits) & rows(split.test.digits)
    assert len(split.train) + len(split.test) == num_samples
    assert len(split.train) == round(train_fraction * num_samples)


def test_the_thousand_palindromes_of_five_digits_are_split_and_each_side_repeats_its_own_evenly():
    split = split_palindromes(5, 10_000, 0.8, seeded())
    assert (len(split.train), len(split.test)) == (8000, 2000)
    assert (len(rows(split.train.digits)), len(rows(split.test.digits))) == (800, 200)
    assert set(split.train.unique_with_counts()[1].tolist()) == {10}
    assert "T = 5 has only 1,000 palindromes" in split.note


def test_with_enough_palindromes_each_is_used_once():
    split = split_palindromes(10, 10_000, 0.8, seeded())
    assert len(rows(split.train.digits) | rows(split.test.digits)) == 10_000
    assert split.note is None


def test_palindromes_may_have_ten_thousand_digits():
    split = split_palindromes(10_000, 50, 0.8, seeded())
    assert split.train.digits.shape == (40, 10_000)
    assert torch.equal(split.train.target, split.train.digits[:, 0].long())


def test_the_target_is_the_last_digit_which_is_not_among_the_inputs():
    palindromes = Palindromes(torch.tensor([[1, 2, 3, 2, 1], [7, 0, 4, 0, 7]], dtype=torch.uint8))
    assert palindromes.inputs.tolist() == [[1, 2, 3, 2], [7, 0, 4, 0]]
    assert palindromes.target.tolist() == [1, 7]
    assert palindromes.length == 5


def test_equal_seeds_sample_equal_palindromes_and_different_seeds_different_ones():
    first, again, other = (split_palindromes(20, 100, 0.8, seeded(seed)).train.digits for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(("length", "palindrome"), [(5, [1, 2, 3, 2, 1]), (6, [1, 2, 3, 3, 2, 1])])
def test_mirror_does_not_repeat_the_middle_digit_of_an_odd_length(length, palindrome):
    assert mirror(torch.tensor([[1, 2, 3]], dtype=torch.uint8), length).tolist() == [palindrome]


def test_both_encodings_hold_the_digits():
    digits = torch.tensor([[0, 9, 4]], dtype=torch.uint8)
    assert encode(digits, "scalar").flatten().tolist() == [0, 9, 4]
    assert encode(digits, "one-hot").argmax(-1).tolist() == [[0, 9, 4]]
    assert encode(digits, "one-hot").sum(-1).tolist() == [[1, 1, 1]]


def test_distinct_palindromes_come_with_their_counts():
    digits = torch.tensor([[1, 1], [3, 3], [1, 1]], dtype=torch.uint8)
    distinct, counts = Palindromes(digits).unique_with_counts()
    assert distinct.digits.tolist() == [[1, 1], [3, 3]]
    assert counts.tolist() == [2, 1]


def test_every_palindrome_is_equally_likely():
    counts = torch.zeros(100)
    for seed in range(300):
        for a, b, *_ in sample_distinct(4, 20, seeded(seed)).tolist():
            counts[10 * a + b] += 1
    # 100 cells with 60 expected samples each, without replacement: chi-squared with 99 degrees of freedom, 0.1 % at 148
    assert ((counts - 60) ** 2 / (60 * 0.8)).sum() < 148


@given(length=st.integers(2, 30), num_samples=st.integers(20, 400), train_fraction=st.floats(0.2, 0.8))
@settings(max_examples=30)
def test_the_test_side_alone_is_that_of_the_split(length, num_samples, train_fraction):
    arguments = length, num_samples, train_fraction
    test = split_palindromes(*arguments, seeded()).test
    assert torch.equal(sample_test_palindromes(*arguments, seeded()).digits, test.digits)
