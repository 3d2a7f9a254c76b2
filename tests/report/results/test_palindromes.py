import pytest
from fake_records import palindrome_run

from palingen.report.records import Records, RunRecords
from palingen.report.results.palindromes import (
    add_values,
    check_claims,
    course_examples,
    first_learned,
    lost_epochs,
    relapse,
)
from palingen.report.values import Values
from palingen.runtime.errors import DataError

LOSES_IT = [0.1, 1.0, 0.4, 1.0]

NUM_SAMPLES = 20_000


def values(*runs):
    numbers = Values()
    add_values(numbers, Records(palindromes=[with_config(run, num_samples=NUM_SAMPLES) for run in runs]))
    return {key: value.text for key, value in numbers.items()}


def with_config(run, **changes):
    return RunRecords(run.name, {**run.config, **changes}, run.environment, run.records)


def test_a_task_is_learned_at_the_first_epoch_with_99_percent_and_lost_below_half():
    run = palindrome_run("rnn", 5, [0.1, 0.989, 0.99, 0.49, 0.5, 0.2])
    assert first_learned(run) == 3
    assert lost_epochs(run) == [4, 6]
    never = palindrome_run("rnn", 5, [0.1, 0.2])
    assert first_learned(never) is None
    assert lost_epochs(never) == []


def test_the_relapse_is_the_rnn_that_lost_the_task_longest_and_ended_at_chance():
    short = palindrome_run("rnn", 20, [1.0, 0.9, 0.1], seed=0)
    long = palindrome_run("rnn", 20, [1.0, 0.1, 0.1], seed=1)
    recovered = palindrome_run("rnn", 20, [1.0, 0.1, 0.1, 0.1, 1.0], seed=2)
    lstm = palindrome_run("lstm", 20, [1.0, 0.1, 0.1, 0.1], seed=3)
    assert relapse([short, long, recovered, lstm]) is long
    assert relapse([recovered, lstm]) is None


def test_runs_are_discussed_by_the_role_that_their_results_give_them():
    runs = {
        (cell, length, seed): palindrome_run(cell, length, [0.1, best], seed=seed, accuracy=accuracy)
        for cell, length, seed, best, accuracy in (
            *(("lstm", length, 0, 1.0, 1.0) for length in (5, 10, 20, 30)),
            *(("rnn", length, 0, 1.0, 1.0) for length in (5, 10, 20)),
            ("rnn", 20, 1, 1.0, 0.4),
            ("rnn", 30, 0, 0.3, 0.3),
        )
    }
    roles = course_examples(Records(palindromes=list(runs.values())))
    assert {
        role: (group[0].result["cell"], group[0].result["length"], len(group)) for role, group in roles.items()
    } == {
        "both-perfect": ("rnn", 10, 1),
        "rnn-mixed": ("rnn", 20, 2),
        "rnn-failed": ("rnn", 30, 1),
        "rnn-longest": ("rnn", 30, 1),
        "lstm-longest": ("lstm", 30, 1),
    }


def test_a_role_that_no_run_plays_has_no_values():
    texts = values(palindrome_run("lstm", 5, LOSES_IT))
    assert not [key for key in texts if "rnn" in key or "longest" in key or "relapse" in key]
    assert (texts["course.shortest"], texts["course.distinct"]) == ("5", "1,000")


def test_the_lengths_at_which_lstms_lose_the_task_are_named():
    lost = [palindrome_run("lstm", length, LOSES_IT) for length in (5, 10)]
    assert values(*lost)["course.lstm-lost"] == "at every length"
    steady = palindrome_run("lstm", 10, [0.1, 1.0, 1.0])
    assert values(lost[0], steady)["course.lstm-lost"] == "at 5 digits"
    for texts in (values(steady), values(*lost, palindrome_run("lstm", 20, [*LOSES_IT, 0.4]))):
        assert "course.lstm-lost" not in texts  # none loses it; one does not recover


def test_a_group_is_all_perfect_only_if_each_of_its_seeds_is():
    rnn = palindrome_run("rnn", 5, [1.0], accuracy=0.9)
    perfect, other = (palindrome_run("lstm", 5, [1.0], seed=1, accuracy=accuracy) for accuracy in (1.0, 0.9))
    texts = values(palindrome_run("lstm", 5, [1.0]), perfect, rnn)
    assert texts["course.lstm-longest.all-perfect"] == "2"
    assert "course.rnn-longest.all-perfect" not in texts
    assert "course.lstm-longest.all-perfect" not in values(palindrome_run("lstm", 5, [1.0]), other, rnn)


def test_distinct_palindromes_are_counted_only_if_they_are_fewer_than_the_samples():
    assert "course.distinct" in values(palindrome_run("lstm", 8, [1.0]))
    assert "course.distinct" not in values(palindrome_run("lstm", 9, [1.0]))


def test_the_committed_values_are_those_of_their_runs(committed):
    numbers = Values()
    add_values(numbers, committed)
    relapsed = f"{relapse(committed.palindromes).name}/records.jsonl"
    assert relapsed == "runs/palindromes/rnn-T20-seed1/records.jsonl"
    assert (numbers["course.relapse.lost_epochs"].text, numbers["course.relapse.lost_epochs"].source) == (
        "28",
        relapsed,
    )
    assert numbers["course.seeds"].text == "2 to 3"


def test_a_contradicted_claim_is_named():
    run = with_config(palindrome_run("rnn", 5, LOSES_IT), lr_step_epochs=10)
    with pytest.raises(DataError, match="learning rate does not fall"):
        check_claims(Records(palindromes=[run]))


def test_claims_about_absent_runs_are_skipped():
    check_claims(Records())
    check_claims(Records(palindromes=[palindrome_run("rnn", 5, LOSES_IT, accuracy=0.1)]))
