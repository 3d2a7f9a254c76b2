from fake_records import palindrome_run, palindrome_study

from palingen.report.records import Records
from palingen.report.results import palindrome_tables as tables


def test_the_settings_of_both_recipes_stand_side_by_side(committed):
    table = tables.settings_table(committed)
    rows = {row[0]: row[1:] for row in table.rows}
    assert table.head == ["setting", "course", "memory"]
    assert rows["optimiser"] == ["RMSprop", "Adam"]
    assert rows["decay of the second moment"] == ["0.99", "0.999"]
    assert rows["initial forget bias"] == ["default", "3"]
    assert rows["parameters, LSTM"] == ["67,850", "19,850"]


def test_the_settings_of_one_recipe_stand_alone(committed):
    assert tables.settings_table(Records(memory=committed.memory)).head == ["setting", "memory"]
    assert tables.settings_table(Records()) is None


def test_a_row_of_the_course_counts_seeds_epochs_and_losses():
    runs = [
        palindrome_run("rnn", 5, [0.1, 1.0, 0.4, 0.2], seed=0),
        palindrome_run("rnn", 5, [0.1, 0.1, 0.1, 1.0], seed=1, accuracy=0.5),
    ]
    (row,) = tables.course_table(Records(palindromes=runs)).rows
    assert row == ["T = 5, RNN", "2", "75.0 (50.0 to 100.0)", "2 of 2", "3", "2", "60.0 (20.0 to 100.0)", "60"]
    assert tables.course_table(Records()) is None


def test_a_cell_that_was_not_run_at_a_length_is_named_in_the_memory_table():
    table = tables.memory_table(palindrome_study(("lstm", 1000, 0.995, 1), ("lstm", 1000, 0.98, 1)))
    assert table.rows == [["1,000", "1 of 2", "98.0\N{NO-BREAK SPACE}%", "2 s", *["not run", "", ""] * 2]]
    assert tables.memory_table(None) is None


def test_seeds_that_diverged_are_counted_in_the_memory_table():
    study = palindrome_study(("lstm", 1000, 0.995, 1), ("lstm", 1000, None, 0), ("rnn", 1000, None, 0))
    (row,) = tables.memory_table(study).rows
    lstm, rest = ["1 of 2", "99.5\N{NO-BREAK SPACE}%", "2 s"], ["not run", "", ""]
    assert [row[1:4], row[4:7], row[7:]] == [lstm, rest, ["0 of 1", "diverged", ""]]


def test_the_recipe_is_the_first_row_of_the_ablations():
    study = palindrome_study(("lstm", 100, 1.0, 250), ("lstm", 100, 0.5, 500))
    table = tables.ablations_table({"chrono-init": study, "recipe": study})
    assert [row[:2] for row in table.rows] == [["the recipe", "1 of 2"], ["chrono init", "1 of 2"]]
    assert table.rows[0][2:] == ["50.0 to 100.0\N{NO-BREAK SPACE}%", "375", "2"]
    assert tables.ablations_table({}) is None


def test_a_setting_of_grus_that_is_off_is_none():
    off = dict.fromkeys(("forget_bias_init", "curriculum_threshold", "early_stop_accuracy"))
    study = palindrome_study(("gru", 100, 1.0, 250), config=off)
    (row,) = tables.gru_settings_table(Records(gru_settings={"robust": study})).rows
    assert row[:3] == ["default", "none", "none"]
