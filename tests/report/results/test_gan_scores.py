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
    "floor": gan_score(2.0, **FLOOR),
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


def test_controls_are_the_rows_that_are_no_recipe():
    assert list(controls({"course": COURSE})) == ["floor", "blur", "noise", "no 1s", "100 repeated", "1000 repeated"]
    assert controls({"course": gan_run(STEPS)}) == {}


def test_scores_are_stated_with_their_ratio_to_the_floor():
    texts = values(course=COURSE, residual=RESIDUAL)
    assert (texts["score.course.fd"], texts["score.course.fd_ratio"]) == ("100.0", "50")
    assert (texts["score.residual.fd_ratio"], texts["score.residual.class_accuracy"]) == ("2.0", "99.0 %")
    assert texts["score.no-1s.class_imbalance"] == "11 %"
    assert "score.course.class_accuracy" not in texts


def test_the_effect_of_clipping_is_stated_where_both_scores_exist():
    unclipped = replace(RESIDUAL, unclipped_score=gan_score(4.5, recall=0.91, class_accuracy=0.98))
    texts = values(residual=unclipped)
    assert texts["score.residual.unclipped.recall"] == "0.910"
    assert texts["score.residual.clipped-recall"] == "0.900"
    assert texts["score.residual.max_latent_norm"] == "1.04"
    assert "score.residual.unclipped.fd" not in values(residual=RESIDUAL)


@pytest.mark.parametrize(("script_fd", "comparison"), [(700.0, "closer"), (50.0, "farther")])
def test_course_and_public_script_are_compared_after_as_many_epochs(script_fd, comparison):
    script = gan_run(STEPS, score=gan_score(script_fd))
    assert values(course=COURSE, public_script=script)["score.course.comparison"] == comparison
    shorter = gan_run(STEPS, score=gan_score(script_fd), epochs=10)
    assert "score.course.comparison" not in values(course=COURSE, public_script=shorter)


def test_the_table_holds_every_generator_and_every_control():
    table = scores_table({"course": COURSE, "residual": replace(RESIDUAL, unclipped_score=gan_score(4.5))})
    names = [row[0] for row in table.rows]
    assert names[:3] == ["recipe course", "recipe residual", "recipe residual, unclipped"]
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


def test_claims_without_scores_are_skipped():
    check_claims(Records())
    check_claims(Records(gans={"course": gan_run(STEPS), "residual": RESIDUAL}))
