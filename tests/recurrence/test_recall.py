import pytest
import torch
from torch.nn.functional import one_hot

from palingen.recurrence.config import PalindromeConfig, build_data, build_test_data
from palingen.recurrence.online_data import OnlinePalindromes
from palingen.recurrence.recall import MAX_DIGITS, NUM_PALINDROMES, recall_at, recall_beyond


def first_digit(inputs):
    """Logits of a network that remembers the first digit."""
    return inputs[:, 0]


def zero(inputs):
    """Logits of a network that always says zero."""
    return one_hot(torch.zeros(len(inputs), dtype=torch.int64), 10).float()


ONE_HOT = PalindromeConfig(length=8, input_encoding="one-hot")


def test_a_network_that_keeps_the_first_digit_is_right_at_every_length():
    recalls = recall_beyond(first_digit, ONE_HOT)
    assert [recall.length for recall in recalls] == [4, 8, 16, 40, 80, 160, 400]
    assert all(recall.accuracy == 1 for recall in recalls)


def test_of_the_shortest_palindromes_no_length_is_measured_twice():
    recalls = recall_beyond(first_digit, PalindromeConfig(length=2, input_encoding="one-hot"))
    assert [recall.length for recall in recalls] == [2, 4, 10, 20, 40, 100]


def test_a_network_that_forgets_is_right_as_often_as_its_answer_is():
    recall = recall_at(zero, ONE_HOT, 60)
    assert recall.palindromes == NUM_PALINDROMES
    assert 0.02 < recall.accuracy < 0.2


def test_long_palindromes_are_fewer_and_short_ones_all_that_exist():
    assert recall_at(zero, ONE_HOT, MAX_DIGITS // 20).palindromes == 20
    assert recall_at(first_digit, ONE_HOT, 2).palindromes == 10


class Reader:
    """Network that says zero, and notes what it has read."""

    def __init__(self):
        self.rows = []

    def __call__(self, inputs):
        self.rows += [tuple(row) for row in inputs.squeeze(2).long().tolist()]
        return zero(inputs)


@pytest.mark.parametrize(("length", "count"), [(2, 2), (4, 20), (5, 200), (8, NUM_PALINDROMES), (30, NUM_PALINDROMES)])
def test_at_the_length_of_an_offline_training_none_of_its_palindromes_is_measured(length, count):
    config, model = PalindromeConfig(length=length), Reader()
    assert recall_at(model, config, length).palindromes == count
    assert len(set(model.rows)) == count
    assert not {*model.rows} & {tuple(row) for row in build_data(config).train.inputs.tolist()}


def test_of_long_test_palindromes_as_many_are_read_as_their_digits_allow():
    config = PalindromeConfig(length=20_000, num_samples=2000)
    assert recall_at(zero, config, 20_000).palindromes == MAX_DIGITS // 20_000


@pytest.mark.parametrize("length", [20, 24])
def test_at_no_length_are_the_first_palindromes_of_the_seed_measured(length):
    config, model = PalindromeConfig(length=20, online_data=True), Reader()
    recall_at(model, config, length)
    online = OnlinePalindromes(build_test_data(config), config.seed).sample(NUM_PALINDROMES, length)
    assert len(model.rows) == NUM_PALINDROMES
    assert not {*model.rows} & {tuple(row) for row in online.inputs.tolist()}


def test_lengths_end_at_a_hundred_thousand_or_at_twice_that_of_the_training():
    class Lengths:
        def __init__(self):
            self.read = []

        def __call__(self, inputs):
            self.read.append(inputs.shape[1] + 1)
            return zero(inputs)

    model = Lengths()
    recall_beyond(model, PalindromeConfig(length=20_000, num_samples=10))
    assert model.read == [10_000, 20_000, 40_000, 100_000]
    model.read.clear()
    recall_beyond(model, PalindromeConfig(length=60_000, num_samples=10))
    assert model.read == [30_000, 60_000, 120_000]
