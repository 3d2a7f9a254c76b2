from dataclasses import replace

import pytest
from fake_records import gan_run, gan_score

from palingen.report.records import Records
from palingen.report.results.gan_scores import add_values, check_claims, controls, scores_table
from palingen.report.values import Values
from palingen.runtime.errors import DataError

FLOOR = {"coverage": 0.95, "precision": 0.94, "class_tv": 0.01}
ROWS = {
    "course": gan_score(100.0),
    "floor": gan_score(2.0, std={"fd": 0.3, "fd_second": 0.02}, **FLOOR),
    "blur": gan_score(150.0, precision=0.98),
    "noise": gan_score(25.0),
    "no 1s": gan_score(60.0, class_tv=0.11),
    "100 repeated": gan_score(50.0, recall=0.0),
    "1000 repeated": gan_score(7.0, recall=0.0),
}
STEPS = [(1.0, 0.9, 0.9)]
COURSE = gan_run(STEPS, score=gan_score(100.0, rows=ROWS, std={"fd": 5.0}))
RESIDUAL = gan_run(
    STEPS, score=gan_score(4.0, recall=0.9, coverage=0.9, class_accuracy=0.99, max_latent_norm=1.04, rows={})
)


def values(**gans):
    numbers = Values()
    add_values(numbers, Records(gans={name.replace("_", "-"): gan for name, gan in gans.items()}))
    return {key: value.text.replace("\N{NO-BREAK SPACE}", " ") for key, value in numbers.items()}


def test_controls_are_the_rows_that_are_no_generator():
    assert list(controls({"course": COURSE})) == ["floor", "blur", "noise", "no 1s", "100 repeated", "1000 repeated"]
    assert controls({"course": gan_run(STEPS)}) == {}
    rows = {"gan-course": ROWS["course"], "floor": ROWS["floor"]}  # a run folder's name
    assert list(controls({"course": gan_run(STEPS, score=gan_score(100.0, rows=rows))})) == ["floor"]


def test_scores_are_stated_with_their_ratio_to_the_floor():
    texts = values(course=COURSE, residual=RESIDUAL)
    assert (texts["score.course.fd"], texts["score.course.fd_ratio"]) == ("100.0", "50")
    assert (texts["score.residual.fd_ratio"], texts["score.residual.class_accuracy"]) == ("2.0", "99.0 %")
    assert texts["score.no-1s.class_imbalance"] == "11 %"
    assert "score.course.class_accuracy" not in texts


def test_the_floor_has_a_spread_and_broken_digits_stand_beside_those_of_the_test_images():
    texts = values(course=COURSE, residual=RESIDUAL)
    assert (texts["score.floor.fd"], texts["score.floor.fd_std"]) == ("2.0", "0.3")
    assert (texts["score.residual.fd_second"], texts["score.residual.fd_second_ratio"]) == ("0.400", "2.0")
    assert texts["score.residual.low_confidence"] == "5.0 %"
    assert texts["score.residual.low_confidence_reference"] == "1.5 %"


def test_what_was_scored_without_the_second_classifier_has_no_number_of_it():
    before = {"fd_second": None, "fd_second_floor": None, "low_confidence_fraction": None}
    script = gan_run(STEPS, score=gan_score(700.0, **before, low_confidence_reference=None))
    assert not [
        key for key in values(public_script=script) if "script.fd_second" in key or "script.low_confidence" in key
    ]
    assert scores_table({"public-script": script}).rows[0][2] == ""


@pytest.mark.parametrize(("script_fd", "comparison"), [(700.0, "closer"), (50.0, "farther")])
def test_course_and_public_script_are_compared_after_as_many_epochs(script_fd, comparison):
    script = gan_run(STEPS, score=gan_score(script_fd))
    assert values(course=COURSE, public_script=script)["score.course.comparison"] == comparison
    shorter = gan_run(STEPS, score=gan_score(script_fd), epochs=10)
    assert "score.course.comparison" not in values(course=COURSE, public_script=shorter)


def test_the_table_holds_every_generator_and_every_control():
    table = scores_table({"course": COURSE, "residual": RESIDUAL})
    rows = {row[0]: row for row in table.rows}
    names = list(rows)
    assert names[:2] == ["recipe course", "recipe residual"]
    assert rows["real training images (floor)"][1] == "2.0 ± 0.3"
    assert {"real training images (floor)", "real, no 1s", "real, 1,000 repeated"} <= set(names)
    assert table.rows[0][1] == "100.0 ± 5.0"
    assert [row[-1] for row in table.rows[:2]] == ["", "99.0\N{NO-BREAK SPACE}%"]
    assert scores_table({"course": gan_run(STEPS)}) is None


@pytest.mark.parametrize(
    ("row", "changes", "claim"),
    [
        ("blur", {"fd": 90.0}, "between noisy and blurred"),
        ("blur", {"precision": 0.9}, "blurred images have the higher precision"),
        ("floor", {"coverage": 0.7}, "cover less than real ones"),
        ("100 repeated", {"recall": 0.5}, "recall notices memorised images"),
        ("no 1s", {"fd": 10.0}, "a missing class alone"),
        ("no 1s", {"class_tv": 0.3}, "imbalance is larger"),
    ],
)
def test_a_contradicted_claim_on_the_controls_is_named(row, changes, claim):
    check_claims(Records(gans={"course": COURSE}))
    score = {**COURSE.score, "rows": {**ROWS, row: {**ROWS[row], **changes}}}
    with pytest.raises(DataError, match=claim):
        check_claims(Records(gans={"course": replace(COURSE, score=score)}))


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"fd": 30.0}, "several times closer"),
        ({"recall": 0.7}, "higher recall"),
        ({"coverage": 0.6}, "higher coverage"),
    ],
)
def test_a_contradicted_claim_on_recipe_residual_is_named(changes, claim):
    worse = replace(RESIDUAL, score={**RESIDUAL.score, **changes})
    with pytest.raises(DataError, match=claim):
        check_claims(Records(gans={"course": COURSE, "residual": worse}))


def test_a_score_on_the_validation_part_is_refused():
    score = gan_score(100.0, reference="validation")
    with pytest.raises(DataError, match="gan-course was scored against the test images"):
        check_claims(Records(gans={"course": gan_run(STEPS, score=score)}))


def test_claims_without_scores_are_skipped():
    check_claims(Records())
    check_claims(Records(gans={"course": gan_run(STEPS), "residual": RESIDUAL}))
