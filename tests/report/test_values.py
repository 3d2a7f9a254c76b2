import pytest

from palingen.report import values
from palingen.runtime.errors import DataError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (values.percent(0.4364, 1), "43.6\N{NO-BREAK SPACE}%"),
        (values.number(1264.24, 1), "1,264.2"),
        (values.number(-0.5, 1), "\N{MINUS SIGN}0.5"),
        (values.format_setting(0.0002), "0.0002"),
        (values.format_setting(1e-5), "1\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}10⁻⁵"),
        (values.format_setting(10_000), "10,000"),
        (values.format_setting(0.0), "0"),
        (values.scientific(2.97e-6), "3.0\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}10⁻⁶"),
        (values.mean_and_range([43.6, 100.0, 100.0], 1), "81.2 (43.6 to 100.0)"),
        (values.mean_and_std([1.0, 3.0], 1), "2.0 ± 1.4"),
        (values.mean_and_std([1.0], 1), "1.0"),
        (values.count_of(7, 10), "7 of 10"),
        (values.join_list(["a"]), "a"),
        (values.join_list(["a", "b", "c"]), "a, b and c"),
    ],
)
def test_numbers_are_formatted_for_people(text, expected):
    assert text == expected


def test_two_values_of_one_key_are_refused():
    numbers = values.Values()
    numbers.add_value("a.b", "1", values.ARITHMETIC)
    with pytest.raises(DataError, match=r"key='a\.b'"):
        numbers.add_value("a.b", "2", values.ARITHMETIC)
    assert numbers["a.b"].text == "1"


def test_a_claim_that_does_not_hold_is_named_in_one_line():
    values.check_claim(True, "the LSTM is perfect")
    with pytest.raises(DataError, match="says that the LSTM is perfect, but its records do not") as error:
        values.check_claim(False, "the LSTM is perfect")
    assert "\n" not in str(error.value)
