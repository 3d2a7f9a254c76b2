import pytest

from palingen.runtime.number_text import number_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (10_000, "10,000"),
        (100_000.0, "100,000"),
        (999, "999"),
        (0.012345, "0.0123"),
        (-2000, "-2,000"),
        (1e12, "1e+12"),
    ],
)
def test_lengths_have_separators_and_fractions_few_digits(value, text):
    assert number_text(value) == text
