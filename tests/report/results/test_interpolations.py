from dataclasses import replace

import pytest
from fake_records import gan_run, strip

from palingen.report.records import Records
from palingen.report.results.interpolations import add_values
from palingen.report.values import Values


def values(strips):
    numbers = Values()
    add_values(numbers, Records(gans={"course": replace(gan_run([(1.0, 0.9, 0.9)]), interpolations=strips)}))
    return {key.removeprefix("interpolation.course."): value.text for key, value in numbers.items()}


def contrast(linear, spherical):
    """Values of the contrast between two interpolations from 6 to 0 whose class changes at image 4."""
    strips = {name: strip([6, 6, 6, 0, 0], row) for name, row in (("linear", linear), ("spherical", spherical))}
    return {key: text for key, text in values(strips).items() if key.startswith("contrast.")}


def test_the_change_is_counted_from_one():
    texts = values({"linear": strip([6, 6, 6, 0, 0], [1.0, 1.0, 0.93, 0.9, 1.0])})
    assert (texts["linear.first-class"], texts["linear.last-class"], texts["linear.change"]) == ("6", "0", "4")
    assert (texts["linear.images"], texts["steps"]) == ("5", "3")


@pytest.mark.parametrize("image", [3, 4, 5])
def test_the_lowest_confidences_are_stated_if_the_straight_line_is_less_sure_around_the_change(image):
    linear = [0.9 if number == image else 1.0 for number in range(1, 6)]
    assert contrast(linear, [0.95, 1.0, 1.0, 1.0, 1.0]) == {
        "contrast.linear": "90\N{NO-BREAK SPACE}%", "contrast.image": str(image),
        "contrast.spherical": "95\N{NO-BREAK SPACE}%",
    }  # fmt: skip


def test_no_lowest_confidence_is_stated_of_another_order_or_place_or_of_one_interpolation():
    sure, unsure = [1.0] * 5, [1.0, 1.0, 1.0, 0.9, 1.0]
    assert contrast(sure, unsure) == contrast(unsure, unsure) == {}
    assert contrast([1.0, 0.9, 1.0, 1.0, 1.0], sure) == {}  # two images before the change
    assert not [key for key in values({"linear": strip([6, 6, 6, 0, 0], unsure)}) if "con" in key]


def test_the_endpoints_are_no_steps_and_without_interpolations_there_are_no_values():
    assert values({"linear": strip([1, 2], [1.0, 1.0])})["steps"] == "0"
    assert values({}) == {}
