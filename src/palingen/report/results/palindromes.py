"""Palindromes with the course's settings: accuracies, and networks that lose the task again."""

from collections.abc import Sequence

from palingen.report.records import LEARNED, Records, RunRecords
from palingen.report.values import (
    ARITHMETIC,
    Values,
    check_claim,
    format_setting,
    join_list,
    number,
    percent,
    scientific,
)

LOST = 0.5
"""Accuracy below which a network that had learned the task has lost it."""

CHANCE = 0.1
"""Accuracy of guessing one of ten digits."""

AT_CHANCE = 0.12
"""Accuracy below which a network is said to guess."""

FEW_EPOCHS = 10
"""Epochs within which the LSTM recovers."""


def add_values(values: Values, records: Records) -> None:
    """Add the numbers of the palindromes."""
    values.add_value("digits", format_setting(10), ARITHMETIC)
    values.add_value("chance.digit", percent(CHANCE), ARITHMETIC)
    values.add_value("threshold.learned", percent(LEARNED), ARITHMETIC)
    values.add_value("threshold.lost", percent(LOST), ARITHMETIC)
    if records.palindromes:
        _add_course(values, records)
    if run := relapse(records.palindromes):
        _add_relapse(values, run)


def check_claims(records: Records) -> None:
    """Check the statements on the course's settings.

    Raises:
        DataError: the records contradict one.
    """
    if not records.palindromes:
        return
    config = records.palindromes[0].config
    late = config["epochs"] <= config["lr_step_epochs"]
    check_claim(late, "the course's learning rate does not fall during the training")


def first_learned(run: RunRecords) -> int | None:
    """First epoch after which nearly all unseen palindromes were right; None if there is none."""
    return next((record["epoch"] for record in run.of("epoch") if record["test_accuracy"] >= LEARNED), None)


def lost_epochs(run: RunRecords) -> list[int]:
    """Epochs after `first_learned` at whose end fewer than half of the palindromes were right."""
    first = first_learned(run) or len(run.of("epoch"))
    return [record["epoch"] for record in run.of("epoch") if record["epoch"] > first and record["test_accuracy"] < LOST]


def relapse(runs: Sequence[RunRecords]) -> RunRecords | None:
    """RNN that had learned the task, lost it for the most epochs, and ended at chance; None if there is none."""
    relapses = [
        run for run in runs if run.result["cell"] == "rnn" and lost_epochs(run) and final_accuracy(run) < AT_CHANCE
    ]
    return max(relapses, key=lambda run: len(lost_epochs(run)), default=None)


def final_accuracy(run: RunRecords) -> float:
    """Accuracy on unseen palindromes after the last epoch, with the last weights."""
    accuracy: float = run.of("epoch")[-1]["test_accuracy"]
    return accuracy


def course_examples(records: Records) -> dict[str, Sequence[RunRecords]]:
    """Groups of runs that the text discusses, by role; a role without runs is absent.

    both-perfect: RNNs of the longest length up to which every LSTM and RNN is perfect.
    rnn-mixed: RNNs of the longest length at which some seeds are perfect and some are not.
    rnn-failed: RNNs of the longest length, if no seed ever learned the task.
    lstm-longest, rnn-longest: runs of the longest length that both cells were trained with.
    """
    lstm, rnn = ({length: records.course_runs(cell, length) for length in records.course_lengths}
                 for cell in ("lstm", "rnn"))  # fmt: skip
    examples: dict[str, Sequence[RunRecords]] = {}
    still_perfect = True
    for length in records.course_lengths:
        perfect = [run.result["accuracy"] == 1 for run in rnn[length]]
        still_perfect &= all(run.result["accuracy"] == 1 for run in [*lstm[length], *rnn[length]])
        if still_perfect and lstm[length] and rnn[length]:
            examples["both-perfect"] = rnn[length]
        if any(perfect) and not all(perfect):
            examples["rnn-mixed"] = rnn[length]
        if lstm[length] and rnn[length]:
            examples |= {"lstm-longest": lstm[length], "rnn-longest": rnn[length]}
    longest = examples.get("rnn-longest", [])
    if longest and not any(first_learned(run) for run in longest):
        examples["rnn-failed"] = longest
    return examples


def _add_course(values: Values, records: Records) -> None:
    run = records.palindromes[0]
    for field in ("epochs", "max_grad_norm", "lr_step_epochs"):
        values.add_value(f"course.{field}", format_setting(run.config[field]), f"{run.name}/config.json")
    values.add_value("course.train_fraction", percent(run.config["train_fraction"]), f"{run.name}/config.json")
    shortest = records.course_lengths[0]
    values.add_value("course.shortest", format_setting(shortest), "runs/palindromes/*/config.json")
    if (distinct := 10 ** -(-shortest // 2)) < run.config["num_samples"]:
        values.add_value("course.distinct", format_setting(distinct), ARITHMETIC)
    _add_losses(values, [run for run in records.palindromes if run.result["cell"] == "lstm"])
    examples = course_examples(records)
    for role, runs in examples.items():
        _add_course_group(values, f"course.{role}", runs)
    seeds = [len(runs) for role, runs in examples.items() if role in ("rnn-mixed", "rnn-longest")]
    if seeds:
        fewest, most = format_setting(min(seeds)), format_setting(max(seeds))
        seeds_text = fewest if fewest == most else f"{fewest} to {most}"
        values.add_value("course.seeds", seeds_text, "runs/palindromes/*/config.json")


def _add_losses(values: Values, lstm: Sequence[RunRecords]) -> None:
    """Add where LSTMs lose the task for some epochs, if some do and all recover."""
    lengths = sorted({run.result["length"] for run in lstm})
    lost = sorted({run.result["length"] for run in lstm if lost_epochs(run)})
    if lost and all(final_accuracy(run) > LOST and len(lost_epochs(run)) <= FEW_EPOCHS for run in lstm):
        digits = join_list([format_setting(length) for length in lost])
        where = "at every length" if lost == lengths else f"at {digits} digits"
        values.add_value("course.lstm-lost", where, "runs/palindromes/lstm-*/records.jsonl")


def _add_course_group(values: Values, key: str, runs: Sequence[RunRecords]) -> None:
    cell, length = runs[0].result["cell"], runs[0].result["length"]
    source = f"runs/palindromes/{cell}-T{length}-seed*/records.jsonl"
    accuracies = [run.result["accuracy"] for run in runs]
    values.add_value(f"{key}.length", format_setting(length), source)
    values.add_value(f"{key}.seeds", format_setting(len(runs)), source)
    values.add_value(f"{key}.perfect", format_setting(sum(accuracy == 1 for accuracy in accuracies)), source)
    if min(accuracies) == 1:
        values.add_value(f"{key}.all-perfect", format_setting(len(runs)), source)
    values.add_value(f"{key}.learned", format_setting(sum(first_learned(run) is not None for run in runs)), source)
    values.add_value(f"{key}.lowest", percent(min(accuracies), 1), source)
    values.add_value(f"{key}.highest", percent(max(accuracies), 1), source)
    norm = max(record["gradient_norm"] for run in runs for record in run.of("epoch"))
    values.add_value(f"{key}.max_gradient_norm", number(norm), source)


def _add_relapse(values: Values, run: RunRecords) -> None:
    """Add the numbers of one RNN that lost the task."""
    config, source, lost = f"{run.name}/config.json", f"{run.name}/records.jsonl", lost_epochs(run)
    values.add_value("course.relapse.length", format_setting(run.result["length"]), config)
    values.add_value("course.relapse.seed", format_setting(run.result["seed"]), config)
    values.add_value("course.relapse.best_epoch", format_setting(run.result["epoch"]), source)
    values.add_value("course.relapse.best_loss", scientific(run.result["loss"]), source)
    values.add_value("course.relapse.final_accuracy", percent(final_accuracy(run)), source)
    values.add_value("course.relapse.first_lost", format_setting(lost[0]), source)
    values.add_value("course.relapse.lost_epochs", format_setting(len(lost)), source)
