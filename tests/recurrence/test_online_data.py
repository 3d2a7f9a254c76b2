import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator

from palingen.recurrence.online_data import OnlinePalindromes
from palingen.recurrence.palindromes import Palindromes, mirror, sample_distinct, split_palindromes


def rows(digits):
    return {tuple(row) for row in digits.tolist()}


def sample_test_set(length, count=50):
    return Palindromes(sample_distinct(length, count, Generator().manual_seed(0)))


@given(length=st.integers(2, 6), train_fraction=st.floats(0.1, 0.9), seed=st.integers(0, 100))
@settings(max_examples=25)
def test_no_test_palindrome_is_ever_sampled(length, train_fraction, seed):
    test = split_palindromes(length, 100, train_fraction, Generator().manual_seed(seed)).test
    online = OnlinePalindromes(test, seed)
    for _ in range(3):
        digits = online.sample(500, length).digits
        assert digits.shape == (500, length)
        assert torch.equal(digits, digits.flip(1))
        assert not rows(digits) & rows(test.digits)


def test_all_other_palindromes_are_equally_likely():
    test = Palindromes(mirror(torch.tensor([[0], [3]], dtype=torch.uint8), 2))
    counts = torch.bincount(OnlinePalindromes(test, 0).sample(8000, 2).digits[:, 0].long(), minlength=10)
    assert counts[[0, 3]].tolist() == [0, 0]
    assert ((counts[counts > 0] - 1000).abs() < 150).all()  # five standard deviations of a binomial


def test_palindromes_of_other_lengths_are_not_restricted():
    online = OnlinePalindromes(sample_test_set(2, 10), 0)  # all palindromes of two digits
    assert len(rows(online.sample(2000, 1).digits)) == 10


def test_equal_seeds_sample_equal_palindromes_and_different_seeds_different_ones():
    test = sample_test_set(9)
    first, again, other = (OnlinePalindromes(test, seed).sample(20, 9).digits for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_every_sample_is_new():
    online = OnlinePalindromes(sample_test_set(18), 0)
    assert not rows(online.sample(100, 18).digits) & rows(online.sample(100, 18).digits)  # of 10^9


@pytest.mark.parametrize("length", [5, 9])
def test_a_restored_state_continues_the_same_sequence(length):
    test = sample_test_set(9)
    original, restored = OnlinePalindromes(test, 1), OnlinePalindromes(test, 2)
    original.sample(10, 9)
    restored.load_state_dict(original.state_dict())
    for _ in range(2):
        assert torch.equal(original.sample(10, length).digits, restored.sample(10, length).digits)
