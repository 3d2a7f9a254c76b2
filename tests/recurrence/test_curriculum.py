import pytest
import torch

from palingen.recurrence.curriculum import WINDOW, Curriculum


def predictions(accuracy):
    """Which of 100 predictions are correct."""
    return torch.arange(100) < round(100 * accuracy)


def lengths_of(curriculum, accuracies):
    """Length before each batch."""
    lengths = []
    for accuracy in accuracies:
        lengths.append(curriculum.length)
        curriculum.update(predictions(accuracy))
    return lengths


def test_the_length_grows_by_its_factor_after_every_window_at_the_threshold_up_to_the_final_length():
    lengths = lengths_of(Curriculum(40, start=8, growth=1.5, threshold=0.75), [0.75] * 6 * WINDOW)
    assert list(dict.fromkeys(lengths)) == [8, 12, 18, 27, 40]
    assert [lengths.count(length) for length in (8, 12, 18, 27)] == [WINDOW] * 4


def test_the_length_stays_while_the_mean_accuracy_is_below_the_threshold():
    lengths = lengths_of(Curriculum(40, start=8, growth=1.5, threshold=0.75), [0.74] * 5 * WINDOW)
    assert set(lengths) == {8}


def test_the_threshold_is_for_the_mean_of_the_last_batches_only():
    accuracies = [0.0] * 10 + [1.0] * (WINDOW - 2) + [0.0] + [1.0] * WINDOW
    lengths = lengths_of(Curriculum(40, start=8, growth=1.5, threshold=0.95), accuracies)
    # 19 of the last 20 batches are right once the window has left the first zeros behind
    assert lengths.index(12) == 10 + WINDOW


def test_a_small_growth_factor_still_lengthens_by_one():
    assert set(lengths_of(Curriculum(5, start=2, growth=1.01, threshold=0.5), [1.0] * 4 * WINDOW)) == {2, 3, 4, 5}


def test_the_final_length_is_never_left():
    curriculum = Curriculum(9, start=8, growth=1.5, threshold=0.5)
    lengths_of(curriculum, [1.0] * 3 * WINDOW)
    assert curriculum.length == 9


@pytest.mark.parametrize(("length", "start"), [(5, 8), (8, 8), (100, 100)])
def test_the_first_length_is_at_most_the_final_one(length, start):
    assert Curriculum(length, start, 1.5, 0.9).length == length


def test_without_a_threshold_the_length_is_final_from_the_start():
    assert Curriculum(100, start=8, growth=1.5, threshold=None).length == 100


def test_a_restored_state_grows_at_the_same_batch():
    original, restored = (Curriculum(40, start=8, growth=1.5, threshold=0.9) for _ in range(2))
    lengths_of(original, [1.0] * (WINDOW + 5))
    restored.load_state_dict(original.state_dict())
    rest = [1.0] * (WINDOW - 5)
    assert lengths_of(original, rest) == lengths_of(restored, rest) == [12] * (WINDOW - 5)
    assert original.length == restored.length == 18
