"""Requested classes of a generator, scored against a data set with other classes."""

import pytest
import torch

from palingen.gan.data.dataset_info import DatasetInfo
from palingen.gan.evaluate import _classes_of_evaluator

LABELS = torch.tensor([0, 1, 1, 2])


def classes_of(own, other, labels=LABELS):
    """Requested classes of a generator of `own`, as positions in `other`."""
    infos = (DatasetInfo(name, tuple(name), name) for name in (own, other))
    return _classes_of_evaluator(labels, *infos)


@pytest.mark.parametrize(
    ("other", "expected"),
    [("abc", [0, 1, 1, 2]), ("cab", [1, 2, 2, 0]), ("xcbya", [4, 2, 2, 1])],
    ids=["same", "another order", "more classes"],
)
def test_requested_classes_are_found_by_their_names(other, expected):
    assert classes_of("abc", other).tolist() == expected


def test_requested_classes_are_unknown_to_a_data_set_that_lacks_one_of_them():
    assert classes_of("abc", "abx") is None


def test_an_unconditional_generator_requests_no_classes():
    assert classes_of("abc", "cab", labels=None) is None
