from dataclasses import replace

import pytest
from fake_records import gan_run

from palingen.report.records import Records
from palingen.report.results.gan import CHANCE_LOSS, add_values, check_claims, settings_table
from palingen.report.values import Values
from palingen.runtime.errors import DataError

FALLING = [(epoch, 0.98 - epoch / 1000, 0.98 - epoch / 1000) for epoch in range(1, 201)]


def values(gan):
    numbers = Values()
    add_values(numbers, Records(gans={"course": gan}))
    return {key: value.text.replace("\N{NO-BREAK SPACE}", " ") for key, value in numbers.items()}


def test_a_stage_is_the_mean_of_its_epochs_first_one_excluded():
    texts = values(gan_run([(5.0, 1.0, 0.9), (10.0, 0.0, 0.0), (15.0, 0.9, 0.7), (20.0, 0.7, 0.5)]))
    assert texts["gan.opening.accuracy"] == "95 %"
    assert texts["gan.early.accuracy"] == "70 %"
    assert texts["gan.lowest-accuracy"] == "0 %"


def test_a_short_training_has_no_values_of_later_stages():
    texts = values(gan_run([(1.0, 0.9, 0.9), (2.0, 0.9, 0.9)]))
    assert "gan.opening.accuracy" in texts
    assert not [key for key in texts if key.startswith(("gan.early", "gan.last", "gan.plateau"))]


def test_a_recipe_takes_as_long_as_its_quickest_training():
    run = gan_run([(1.0, 0.9, 0.9)], seed=1)
    quick = replace(
        run, run=replace(run.run, name="runs/gan-residual-seed1", records=[{**run.run.result, "seconds": 300.0}])
    )
    numbers = Values()
    add_values(numbers, Records(gans={"residual": gan_run([(1.0, 0.9, 0.9)])}, gan_repeats={"residual-seed1": quick}))
    assert (numbers["residual.minutes"].text, numbers["residual-seed1.seed"].text) == ("5", "1")
    assert numbers["residual.minutes"].source == "runs/gan-residual-seed1/records.jsonl"


def test_a_gain_is_stated_where_there_is_one():
    numbers = Values()
    runs = {"residual": {"output_gain": 1.02}, "residual-game": {"output_gain": 1.0}, "residual-fast": {}}
    gans = {recipe: gan_run([(1.0, 0.9, 0.9)], **config) for recipe, config in runs.items()}
    add_values(numbers, Records(gans=gans))
    gains = {key: value.text for key, value in numbers.items() if key.endswith("output_gain")}
    assert gains == {"residual.output_gain": "1.02"}


def test_the_remaining_difference_is_bounded_by_accuracy_and_loss():
    texts = values(gan_run([(1.0, 0.72, 0.81)]))
    assert texts["gan.end.total_variation"] == "53 %"
    assert texts["gan.end.js_divergence"] == f"{(CHANCE_LOSS - 1.0) / 2:.2f}"


@pytest.mark.parametrize(
    ("steps", "claim"),
    [
        ([(1.0, 0.5, 0.9)], "still distinguishes"),
        ([(5.0, 0.7, 0.7), (20.0, 0.8, 0.8)], "falls from stage to stage"),
        ([*FALLING[:150], *[(epoch, 0.82, 0.82) for epoch in range(151, 190)], (200.0, 0.7, 0.7)], "levels off"),
    ],
)
def test_a_contradicted_claim_is_named(steps, claim):
    with pytest.raises(DataError, match=claim):
        check_claims(Records(gans={"course": gan_run(steps)}))


def test_claims_about_absent_stages_and_runs_are_skipped():
    check_claims(Records())
    check_claims(Records(gans={"course": gan_run([(1.0, 0.9, 0.9)])}))


def test_the_settings_of_the_recipes_stand_side_by_side(committed):
    table = settings_table(committed.gans)
    rows = {row[0]: dict(zip(table.head[1:], row[1:], strict=True)) for row in table.rows}
    assert rows["networks"]["course"] == "fully connected"
    assert rows["penalty weight"] == {
        "course": "none",
        "public-script": "none",
        "residual-fast": "1",
        "residual-game": "1",
        "residual": "1",
        "residual-long": "1",
        "residual-unconditional": "1",
    }
    assert set(rows["maximum latent norm in √Z, sampling"].values()) == {"none"}
    assert rows["Adam's betas"]["residual"] == "0, 0.9 to 0.99"
    assert rows["BatchNorm's eps"]["residual"] == "no BatchNorm"
    assert [rows["generator's output"][name] for name in ("course", "residual-fast", "residual")] == [
        "tanh",
        "tanh",
        "linear",
    ]
    assert [rows["schedule"][name] for name in ("course", "residual")] == ["constant", "geometric"]
    steps = [rows["last steps with a Fréchet loss"][name] for name in ("residual-game", "residual", "residual-long")]
    assert steps == ["none", "2,345", "5,628"]
    assert settings_table({}) is None
