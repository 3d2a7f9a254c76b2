import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator

from palingen.recurrence.palindromes import count_palindromes, distinct_palindromes, encode, mirror, split


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def rows(digits: torch.Tensor) -> set[tuple[int, ...]]:
    return {tuple(row) for row in digits.tolist()}


@given(length=st.integers(2, 40), count=st.integers(1, 60), seed=st.integers(0, 1000))
@settings(max_examples=60)
def test_drawn_rows_are_different_palindromes_of_their_length(length, count, seed):
    count = min(count, count_palindromes(length))
    digits = distinct_palindromes(length, count, seeded(seed))
    assert digits.shape == (count, length)
    assert torch.equal(digits, digits.flip(1))
    assert digits.max() <= 9
    assert len(rows(digits)) == count


@given(
    length=st.integers(2, 30),
    samples=st.integers(20, 400),
    portion=st.floats(0.2, 0.8),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60)
def test_no_test_palindrome_occurs_in_training(length, samples, portion, seed):
    parts = split(length, samples, portion, seeded(seed))
    assert not rows(parts.train.digits) & rows(parts.test.digits)
    assert len(parts.train) + len(parts.test) == samples
    assert len(parts.train) == round(portion * samples)


def test_five_digits_split_all_thousand_palindromes_and_repeat_each_side_evenly():
    parts = split(5, 10_000, 0.8, seeded())
    assert (len(parts.train), len(parts.test)) == (8000, 2000)
    assert (len(rows(parts.train.digits)), len(rows(parts.test.digits))) == (800, 200)
    assert set(torch.unique(parts.train.digits, dim=0, return_counts=True)[1].tolist()) == {10}
    assert "1,000 palindromes" in parts.note


def test_where_there_are_enough_palindromes_each_is_used_once():
    parts = split(10, 10_000, 0.8, seeded())
    assert len(rows(parts.train.digits) | rows(parts.test.digits)) == 10_000
    assert parts.note is None


def test_ten_thousand_digits_are_no_trouble():
    parts = split(10_000, 50, 0.8, seeded())
    assert parts.train.digits.shape == (40, 10_000)
    assert torch.equal(parts.train.target, parts.train.digits[:, 0].long())


def test_the_target_is_the_first_digit_and_is_not_among_the_digits_read():
    parts = split(7, 100, 0.5, seeded())
    assert parts.train.seen.shape == (50, 6)
    assert torch.equal(parts.train.target, parts.train.seen[:, 0].long())


def test_equal_seeds_draw_equal_palindromes_and_others_draw_others():
    first, again, other = (split(20, 100, 0.8, seeded(seed)).train.digits for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(("length", "whole"), [(5, [1, 2, 3, 2, 1]), (6, [1, 2, 3, 3, 2, 1])])
def test_mirror_keeps_one_middle_digit_where_the_length_is_odd(length, whole):
    assert mirror(torch.tensor([[1, 2, 3]], dtype=torch.uint8), length).tolist() == [whole]


def test_encodings_hold_the_same_digits():
    seen = torch.tensor([[0, 9, 4]], dtype=torch.uint8)
    assert encode(seen, "scalar").flatten().tolist() == [0, 9, 4]
    assert encode(seen, "one-hot").argmax(-1).tolist() == [[0, 9, 4]]
    assert encode(seen, "one-hot").sum(-1).tolist() == [[1, 1, 1]]


def test_every_palindrome_is_as_likely_as_any_other():
    counts = torch.zeros(100)
    for seed in range(300):
        for a, b, *_ in distinct_palindromes(4, 20, seeded(seed)).tolist():
            counts[10 * a + b] += 1
    # 100 cells of 60 expected draws each, without replacement: chi-squared with 99 degrees of freedom, 0.1 % at 148
    assert ((counts - 60) ** 2 / (60 * 0.8)).sum() < 148
