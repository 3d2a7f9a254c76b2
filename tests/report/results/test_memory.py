from dataclasses import asdict

import pytest
from fake_records import palindrome_study

from palingen import recipes
from palingen.report.records import Records, StudyRecords
from palingen.report.results.memory import add_values, check_claims
from palingen.report.values import Values
from palingen.runtime.errors import DataError

RECIPE = palindrome_study(("lstm", 100, 1.0, 375))
GRU = palindrome_study(("gru", 100, 1.0, 375))


def steps(count):
    return palindrome_study(("lstm", 100, 1.0, count))


def values(records):
    numbers = Values()
    add_values(numbers, records)
    return {key: value.text for key, value in numbers.items()}


def test_each_cell_is_described_at_its_longest_length():
    study = palindrome_study(
        ("lstm", 1000, 1.0, 1), ("gru", 1000, 0.995, 1), ("rnn", 200, 1.0, 1), ("rnn", 200, 0.98, 1)
    )
    texts = values(Records(memory=study))
    assert texts["memory.rnn-longest.learned"] == "1"
    assert texts["memory.rnn-longest.seeds"] == "2"
    assert texts["memory.rnn-untested.length"] == "1,000"
    assert texts["memory.gated.cells"] == "LSTM and GRU"


def test_the_rnn_ends_where_most_of_its_seeds_fail_and_the_records_say_how_far_its_curriculum_came():
    study = palindrome_study(
        ("lstm", 10_000, 1.0, 1), ("rnn", 200, 1.0, 1), ("rnn", 200, 0.98, 1),
        ("rnn", 10_000, 0.1, 1), ("rnn", 10_000, 0.2, 1), ("lstm", 100_000, 1.0, 1),
    )  # fmt: skip
    texts = values(Records(memory=study))
    assert texts["memory.rnn-longest.length"] == "200"
    limit = {name: texts[f"memory.rnn-failed.{name}"] for name in ("length", "seeds", "learned")}
    assert limit == {"length": "10,000", "seeds": "2", "learned": "0"}
    assert texts["memory.rnn-untested.length"] == "100,000"
    assert "memory.rnn-failed.reached" not in texts
    runs = [{**run, "curriculum_length": 40 + run["seed"]} for run in study.runs]
    assert values(Records(memory=StudyRecords(study.name, {}, runs)))["memory.rnn-failed.reached"] == "43 to 44"
    runs = [{**run, "curriculum_length": 681} for run in study.runs]
    assert values(Records(memory=StudyRecords(study.name, {}, runs)))["memory.rnn-failed.reached"] == "681"


def test_a_seed_that_diverged_counts_as_one_that_has_not_learned():
    study = palindrome_study(("lstm", 10, 1.0, 1), ("lstm", 100, 1.0, 1), ("lstm", 100, None, 0), ("gru", 100, None, 0))
    texts = values(Records(memory=study))
    assert (texts["memory.runs"], texts["memory.gated.every-seed"]) == ("4", "10")
    assert texts["memory.gated.last-counts"] == "1 of 2 LSTMs"
    assert (texts["memory.lstm-longest.seeds"], texts["memory.lstm-longest.learned"]) == ("2", "1")
    assert values(Records(ablations={"recipe": study}))["ablations.recipe.seeds"] == "4"


def test_a_run_that_another_accuracy_ends_is_named():
    study = palindrome_study(("lstm", 100_000, 1.0, 625), ("lstm", 100_000, 0.998, 625))
    recipe = asdict(recipes.PALINDROME["memory"])
    same, earlier = study.runs[0], {**study.runs[1], "config": {**recipe, "early_stop_accuracy": 0.995}}
    texts = values(Records(memory=StudyRecords(study.name, recipe, [same, earlier])))
    assert texts["memory.other-stop.runs"] == "LSTM of seed 1 at 100,000 digits"
    assert texts["memory.other-stop.accuracies"] == "99.5\N{NO-BREAK SPACE}%"
    assert not any(key.startswith("memory.other-stop") for key in values(Records(memory=study)))


def with_curriculum(study, *lengths):
    runs = [{**run, "seed": 0, "curriculum_length": length} for run, length in zip(study.runs, lengths, strict=True)]
    return Records(memory=StudyRecords(study.name, {}, runs))


def test_a_training_whose_curriculum_ends_below_a_shorter_length_is_the_same_training():
    study = palindrome_study(("rnn", 1000, 0.1, 3750), ("rnn", 10_000, 0.1, 3750), ("rnn", 100_000, 0.1, 3750))
    texts = values(with_curriculum(study, 681, 681, 681))
    assert (texts["memory.rnn-beyond.lengths"], texts["memory.rnn-beyond.same"]) == ("10,000 and 100,000", "1,000")
    texts = values(with_curriculum(study, 1000, 1021, 1021))  # the first two differ from the length of the first on
    assert (texts["memory.rnn-beyond.lengths"], texts["memory.rnn-beyond.same"]) == ("100,000", "10,000")
    assert "memory.rnn-beyond.lengths" not in values(Records(memory=study))


def test_every_seed_of_all_gated_cells_learns_up_to_a_length_and_beyond_it_the_seeds_are_counted():
    runs = (("lstm", 10, 1.0, 100), ("gru", 10, 1.0, 200), ("lstm", 1000, 1.0, 300), ("gru", 1000, 1.0, 400))
    texts = values(Records(memory=palindrome_study(*runs)))
    assert texts["memory.gated.every-seed"] == "1,000"
    assert "memory.gated.last-counts" not in texts
    assert (texts["memory.steps.shortest.steps"], texts["memory.steps.longest.steps"]) == ("100", "300")
    texts = values(Records(memory=palindrome_study(*runs, ("lstm", 10_000, 1.0, 500))))
    assert texts["memory.gated.every-seed"] == "1,000"
    assert (texts["memory.gated.last-length"], texts["memory.gated.last-counts"]) == ("10,000", "1 of 1 LSTMs")
    texts = values(Records(memory=palindrome_study(*runs, ("gru", 1000, 0.5, 500))))
    assert texts["memory.gated.every-seed"] == "10"
    assert texts["memory.gated.last-counts"] == "1 of 1 LSTMs and 1 of 2 GRUs"


def test_a_study_without_gru_config_and_environments_names_none_of_them():
    texts = values(Records(memory=palindrome_study(("lstm", 10, 1.0, 1), ("rnn", 10, 1.0, 1))))
    assert texts["memory.gated.cells"] == "LSTM"
    assert not {"memory.cores", "memory.curriculum_start", "memory.rnn-untested.length"} & set(texts)


@pytest.mark.parametrize(("threads", "text"), [(1, "one core"), (4, "4 cores")])
def test_the_cores_are_the_threads_of_every_run(threads, text):
    runs = [{**run, "environment": {"threads": threads}} for run in palindrome_study(("lstm", 10, 1.0, 1)).runs]
    assert values(Records(memory=StudyRecords("runs/memory/study.json", {}, runs)))["memory.cores"] == text


def test_orthogonal_initialisation_is_compared_for_each_cell_that_has_records():
    studies = {"lstm-with": steps(250), "lstm-without": steps(250), "rnn-with": steps(500)}
    records = Records(orthogonal_init=studies)
    texts = values(records)
    assert (texts["orthogonal.lstm-with.steps"], texts["orthogonal.rnn-with.steps"]) == ("250", "500")
    assert not any(key.startswith("orthogonal.rnn-without") for key in texts)
    check_claims(records)


def test_grus_with_settings_of_their_own_are_compared_with_the_recipes_runs_of_the_same_length():
    memory = palindrome_study(("gru", 10_000, 1.0, 1250), ("gru", 10_000, 0.9, 3750), ("gru", 1000, 1.0, 10))
    settings = {"forget_bias_init": 1.0, "curriculum_threshold": 0.999, "early_stop_accuracy": 0.995}
    own = palindrome_study(("gru", 10_000, 1.0, 500), config=settings)
    texts = values(Records(memory=memory, gru_settings={"robust": own}))
    assert (texts["gru.robust.forget_bias_init"], texts["gru.robust.learned"], texts["gru.robust.steps"]) == (
        "1",
        "1",
        "500",
    )
    assert texts["gru.robust.curriculum_threshold"] == "99.9\N{NO-BREAK SPACE}%"
    recipe = [texts[f"gru.robust.recipe.{name}"] for name in ("seeds", "learned", "steps")]
    assert recipe == ["2", "1", "2,500"]
    elsewhere = palindrome_study(("gru", 1000, 1.0, 10))
    texts = values(Records(memory=elsewhere, gru_settings={"robust": own}))
    assert not any(key.startswith("gru.robust.recipe") for key in texts)


def test_a_setting_that_is_off_has_no_value():
    off = dict.fromkeys(("forget_bias_init", "curriculum_threshold", "early_stop_accuracy"))
    stopped = {**palindrome_study(("gru", 10, 1.0, 1)).runs[0], "config": {**off, "early_stop_accuracy": 0.995}}
    own = palindrome_study(("gru", 10, 1.0, 1), config=off)
    for runs in (own.runs, [stopped]):
        memory = StudyRecords(own.name, {**off, "curriculum_start": 4}, runs)
        texts = values(Records(memory=memory, gru_settings={"robust": own}))
        assert texts["memory.curriculum_start"] == "4"
        assert not [key for key in texts if key.endswith(tuple(off)) or "other-stop" in key]


def test_a_length_at_which_every_rnn_diverged_counts_as_tried():
    study = palindrome_study(("lstm", 1000, 1.0, 1), ("rnn", 200, 1.0, 1), ("rnn", 1000, None, 0))
    texts = values(Records(memory=study))
    assert "memory.rnn-untested.length" not in texts
    failed = [texts[f"memory.rnn-failed.{name}"] for name in ("length", "seeds", "learned")]
    assert failed == ["1,000", "1", "0"]
    assert "memory.rnn-failed.reached" not in texts


def test_without_the_recipe_itself_there_is_nothing_to_compare():
    check_claims(Records(ablations={"without-orthogonal-init": steps(1), "without-curriculum": steps(1)}))


@pytest.mark.parametrize(
    ("records", "claim"),
    [
        (Records(memory=palindrome_study(("gru", 10, 0.9, 1))), "LSTM and GRU learn short palindromes"),
        (Records(ablations={"recipe": RECIPE, "without-curriculum": steps(400)}), "curriculum saves most of the steps"),
        (Records(ablations={"recipe": RECIPE, "with-warmup": steps(300)}), "with-warmup saves no steps"),
        (
            Records(orthogonal_init={"lstm-with": steps(250), "lstm-without": steps(400)}),
            "orthogonal initialisation saves",
        ),
        (Records(ablations={"chrono-init-without-curriculum": steps(1)}), "does not learn the task in time"),
        (
            Records(memory=GRU, gru_settings={"robust": palindrome_study(("gru", 100, 0.9, 375))}),
            "GRUs learn more surely with settings of their own",
        ),
    ],
)
def test_a_contradicted_claim_is_named(records, claim):
    with pytest.raises(DataError, match=claim):
        check_claims(records)
