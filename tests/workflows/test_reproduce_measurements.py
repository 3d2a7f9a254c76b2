"""Measurements of palindrome runs."""

from fake_records import palindrome_study

from palingen.report.records import Records
from palingen.workflows.reproduce.palindrome_measurements import measure_palindromes

STUDY = palindrome_study(("lstm", 10, 1.0, 100), ("lstm", 10, None, 0), ("rnn", 20, None, 0))


def measured(records):
    return {(number.part, number.group, number.metric): number.values for number in measure_palindromes(records)}


def test_a_seed_that_diverged_has_not_learned_the_task_and_has_no_other_number():
    numbers = measured(Records(memory=STUDY))
    assert numbers["memory", "LSTM, T = 10", "learned"] == {"seed 0": 1.0, "seed 1": 0.0}
    assert numbers["memory", "LSTM, T = 10", "steps"] == {"seed 0": 100}
    assert numbers["memory", "RNN, T = 20", "learned"] == {"seed 2": 0.0}
    assert numbers["memory", "RNN, T = 20", "accuracy"] == {}


def test_a_seed_that_diverged_counts_in_the_ablations_too():
    numbers = measured(Records(ablations={"recipe": STUDY.group("lstm", 10)}))
    assert numbers["ablations", "recipe", "learned"] == {"seed 0": 1.0, "seed 1": 0.0}
    assert numbers["ablations", "recipe", "accuracy"] == {"seed 0": 1.0}
