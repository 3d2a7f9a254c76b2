import pytest

from palingen.runtime.durations import duration_text, rate_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (3601, "1 h"),
     (86400 * 4 + 3 * 3600, "4 d 3 h")],
)  # fmt: skip
def test_a_duration_has_its_two_largest_units(seconds, text):
    assert duration_text(seconds) == text
    assert duration_text(seconds, coarse=True) == " ".join(text.split()[:2])


@pytest.mark.parametrize(
    ("per_second", "text"), [(231.4, "231/s"), (1, "1/s"), (0.07, "4.2/min"), (1 / 3600, "1/h"), (1 / 36000, "0.1/h")]
)
def test_a_rate_has_the_unit_in_which_it_is_at_least_one(per_second, text):
    assert rate_text(per_second) == text
