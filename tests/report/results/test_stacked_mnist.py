from dataclasses import replace

import pytest
from fake_records import gan_run

from palingen.report.records import Records
from palingen.report.results.stacked_mnist import add_values, check_claims, modes_table
from palingen.report.values import LITERATURE, Values
from palingen.runtime.errors import DataError

SCORE = {"n": 26_000, "modes": 998, "reverse_kl": 0.07, "modes_floor": 1000, "reverse_kl_floor": 0.03}
STACKED = replace(gan_run([(1.0, 0.9, 0.9)], epochs=9), score=SCORE)


def values(stacked):
    numbers = Values()
    add_values(numbers, Records(stacked=stacked))
    return numbers


def test_modes_and_divergence_are_stated_beside_those_of_real_digits():
    numbers = values(STACKED)
    assert {key: numbers[f"stacked.{key}"].text for key in ("modes", "modes-floor", "reverse-kl", "epochs")} == {
        "modes": "998",
        "modes-floor": "1,000",
        "reverse-kl": "0.070",
        "epochs": "9",
    }
    assert numbers["stacked.published.modes"].source == LITERATURE


def test_without_a_score_there_is_nothing_to_state_or_to_check():
    for stacked in (None, replace(STACKED, score=None)):
        assert values(stacked) == {}
        assert modes_table(stacked) is None
        check_claims(Records(stacked=stacked))


def test_a_collapsed_generator_contradicts_the_text():
    with pytest.raises(DataError, match="most of the three-digit numbers"):
        check_claims(Records(stacked=replace(STACKED, score={**SCORE, "modes": 500})))


def test_the_table_holds_the_generator_real_digits_and_the_published_values():
    assert [row[1:] for row in modes_table(STACKED).rows] == [["998", "0.070"], ["1,000", "0.030"], ["1,000", "0.029"]]
