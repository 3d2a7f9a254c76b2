from dataclasses import replace

from fake_records import gan_run, strip

from palingen.report.records import Records
from palingen.report.results.interpolations import add_values
from palingen.report.values import Values


def values(strips):
    numbers = Values()
    add_values(numbers, Records(gans={"course": replace(gan_run([(1.0, 0.9, 0.9)]), interpolations=strips)}))
    return {key.removeprefix("interpolation.course."): value.text for key, value in numbers.items()}


def test_the_change_and_the_least_confident_image_are_counted_from_one():
    texts = values({"linear": strip([6, 6, 6, 0, 0], [1.0, 1.0, 0.93, 0.9, 1.0])})
    assert (texts["linear.first-class"], texts["linear.last-class"], texts["linear.change"]) == ("6", "0", "4")
    assert (texts["linear.lowest-confidence"], texts["linear.least-confident"]) == ("90\N{NO-BREAK SPACE}%", "4")
    assert (texts["linear.images"], texts["steps"]) == ("5", "3")


def test_the_endpoints_are_no_steps_and_without_interpolations_there_are_no_values():
    assert values({"linear": strip([1, 2], [1.0, 1.0])})["steps"] == "0"
    assert values({}) == {}
