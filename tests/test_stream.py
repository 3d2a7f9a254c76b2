import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator

from palingen.recurrence.palindromes import Palindromes, distinct_palindromes, mirror, split
from palingen.recurrence.stream import WINDOW, Curriculum, Stream


def rows(digits):
    return {tuple(row) for row in digits.tolist()}


@given(length=st.integers(2, 6), portion=st.floats(0.1, 0.9), seed=st.integers(0, 100))
@settings(max_examples=25)
def test_a_stream_never_draws_a_palindrome_of_the_test(length, portion, seed):
    held_out = split(length, 100, portion, Generator().manual_seed(seed)).test
    drawn = Stream(held_out, seed).draw(500, length).digits
    assert drawn.shape == (500, length)
    assert torch.equal(drawn, drawn.flip(1))
    assert not rows(drawn) & rows(held_out.digits)


def test_a_stream_draws_all_others_equally_often():
    held_out = Palindromes(mirror(torch.tensor([[0], [3]], dtype=torch.uint8), 2))
    counts = torch.bincount(Stream(held_out, 0).draw(8000, 2).digits[:, 0].long(), minlength=10)
    assert counts[[0, 3]].tolist() == [0, 0]
    assert ((counts[counts > 0] - 1000).abs() < 150).all()  # five standard deviations of a binomial


def test_a_stream_goes_on_where_it_was():
    test = Palindromes(distinct_palindromes(9, 50, Generator().manual_seed(0)))
    whole, stopped = Stream(test, 1), Stream(test, 1)
    whole.draw(10, 9), stopped.draw(10, 9)
    again = Stream(test, 2)
    again.load_state_dict(stopped.state_dict())
    assert torch.equal(whole.draw(10, 5).digits, again.draw(10, 5).digits)


def answers(share):
    return torch.arange(100) < round(100 * share)


def test_a_curriculum_grows_when_enough_is_right_and_ends_at_the_last_length():
    curriculum, seen = Curriculum(40, first=8, growth=1.5, enough=0.9), []
    for _ in range(6 * WINDOW):
        seen.append(curriculum.length)
        curriculum.see(answers(0.95))
    assert list(dict.fromkeys(seen)) == [8, 12, 18, 27, 40]
    assert seen.count(12) == WINDOW


def test_a_curriculum_stays_while_too_little_is_right():
    curriculum = Curriculum(40, first=8, growth=1.5, enough=0.9)
    for _ in range(5 * WINDOW):
        curriculum.see(answers(0.85))
    assert curriculum.length == 8


def test_a_curriculum_goes_on_where_it_was():
    one, other = (Curriculum(40, first=8, growth=1.5, enough=0.9) for _ in range(2))
    for _ in range(WINDOW + 5):
        one.see(answers(1))
    other.load_state_dict(one.state_dict())
    for _ in range(WINDOW - 5):
        one.see(answers(1)), other.see(answers(1))
    assert one.length == other.length == 18


@pytest.mark.parametrize(("length", "first"), [(5, 8), (8, 8), (100, 100)])
def test_a_curriculum_begins_no_longer_than_it_ends(length, first):
    assert Curriculum(length, first, 1.5, 0.9).length == length


def test_without_a_curriculum_the_length_is_the_last_from_the_start():
    assert Curriculum(100, first=8, growth=1.5, enough=0.0).length == 100
