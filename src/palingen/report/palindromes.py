"""What the report says of the palindromes: numbers and tables from their records, and claims held to them."""

from collections.abc import Mapping, Sequence
from statistics import mean, median
from typing import Any

from palingen.report.records import Records, Run
from palingen.report.tables import SOLVED
from palingen.report.values import ARITHMETIC, Values, claim, general, listed, number, percent, power

Results = Sequence[Mapping[str, Any]]

MEMORY, NETWORKS = "runs/memory/study.json", "runs/networks.json"
WELL, LOST = 0.99, 0.5
"""Shares of unseen palindromes: learnt; and forgotten again, for an epoch after that."""


def put(values: Values, records: Records) -> None:
    """Add all numbers of the first part."""
    _settings(values, records)
    for cell in ("lstm", "rnn"):
        for length in lengths(records.palindromes):
            _course(values, cell, length, [run for run in records.palindromes if is_of(run, cell, length)])
    for cell in ("lstm", "gru", "rnn"):
        for length in sorted({run["length"] for run in records.memory["runs"]}):
            _memory(values, cell, length, [run for run in records.memory["runs"] if is_result_of(run, cell, length)])
    _options(values, records.options)
    _claims(records)


def first_solved(run: Run) -> int | None:
    """The first epoch after which nearly all unseen palindromes were right."""
    return next((record["epoch"] for record in run.of("epoch") if record["test_accuracy"] >= WELL), None)


def lost_again(run: Run) -> list[int]:
    """Epochs after `first_solved` at whose end less than half was right."""
    first = first_solved(run) or len(run.of("epoch"))
    return [record["epoch"] for record in run.of("epoch") if record["epoch"] > first and record["test_accuracy"] < LOST]


def is_of(run: Run, cell: str, length: int) -> bool:
    """Whether a run is of this cell and length."""
    return is_result_of(run.result, cell, length)


def is_result_of(result: Mapping[str, Any], cell: str, length: int) -> bool:
    """Whether a result is of this cell and length."""
    return (result["cell"], result["length"]) == (cell, length)


def lengths(runs: Sequence[Run]) -> list[int]:
    """The lengths there are runs of, the shortest first."""
    return sorted({run.result["length"] for run in runs})


def _settings(values: Values, records: Records) -> None:
    run = records.palindromes[0]
    source = f"{run.name}/config.json"
    for field in ("hidden", "batch_size", "epochs", "learning_rate", "alpha", "max_norm", "samples", "decay_every"):
        values.put(f"course.{field}", general(run.config[field]), source)
    values.put("course.portion", percent(run.config["portion"]), source)
    values.put("memory.hidden", general(records.memory["config"]["hidden"]), MEMORY)
    values.put("memory.forget_bias", general(records.memory["config"]["forget_bias"]), MEMORY)
    values.put("memory.first_length", general(records.memory["config"]["first_length"]), MEMORY)
    values.put("memory.curriculum", percent(records.memory["config"]["curriculum"]), MEMORY)
    values.put("memory.runs", general(len(records.memory["runs"])), MEMORY)
    values.put("digits", general(10), ARITHMETIC)
    values.put("guess", percent(1 / 10), ARITHMETIC)
    short = min(lengths(records.palindromes))
    values.put("course.shortest", general(short), "runs/palindromes/*/config.json")
    values.put("course.longest", general(max(lengths(records.palindromes))), "runs/palindromes/*/config.json")
    values.put("course.distinct", general(10 ** -(-short // 2)), ARITHMETIC)
    values.put("solved", percent(SOLVED), ARITHMETIC)
    values.put("lost", percent(LOST), ARITHMETIC)
    for recipe, cells in records.networks["palindromes"].items():
        for cell, count in cells.items():
            values.put(f"weights.{recipe}.{cell}", general(count), NETWORKS)


def _course(values: Values, cell: str, length: int, runs: Sequence[Run]) -> None:
    if not runs:
        return
    source, key = f"runs/palindromes/{cell}-T{length}-seed*/records.jsonl", f"course.{cell}.{length}"
    shares = [run.result["accuracy"] for run in runs]
    firsts = [first for run in runs if (first := first_solved(run))]
    values.put(f"{key}.length", general(length), source)
    values.put(f"{key}.seeds", general(len(runs)), source)
    values.put(f"{key}.perfect", general(sum(share == 1 for share in shares)), source)
    values.put(f"{key}.mean", percent(mean(shares), 1), source)
    values.put(f"{key}.lowest", percent(min(shares), 1), source)
    values.put(f"{key}.highest", percent(max(shares), 1), source)
    values.put(f"{key}.learnt", general(len(firsts)), source)
    values.put(f"{key}.ends", listed([percent(run.of("epoch")[-1]["test_accuracy"]) for run in runs]), source)
    if firsts:
        values.put(f"{key}.first", general(min(firsts)), source)
        values.put(f"{key}.first-latest", general(max(firsts)), source)
    steepest = max(record["gradient_norm"] for run in runs for record in run.of("epoch"))
    values.put(f"{key}.steepest", number(steepest), source)
    for run in runs:
        own = f"{key}.seed{run.result['seed']}"
        values.put(f"{own}.seed", general(run.result["seed"]), f"{run.name}/config.json")
        values.put(f"{own}.end", percent(run.of("epoch")[-1]["test_accuracy"]), f"{run.name}/records.jsonl")
        values.put(f"{own}.loss", power(run.result["loss"]), f"{run.name}/records.jsonl")
        values.put(f"{own}.kept", general(run.result["epoch"]), f"{run.name}/records.jsonl")
        if lost := lost_again(run):
            values.put(f"{own}.lost", general(len(lost)), f"{run.name}/records.jsonl")
            values.put(f"{own}.lost-first", general(lost[0]), f"{run.name}/records.jsonl")
            worst = min(record["test_accuracy"] for record in run.of("epoch") if record["epoch"] in lost)
            values.put(f"{own}.worst", percent(worst), f"{run.name}/records.jsonl")


def _memory(values: Values, cell: str, length: int, runs: Results) -> None:
    if not runs:
        return
    shares, key = [run["accuracy"] for run in runs], f"memory.{cell}.{length}"
    values.put(f"{key}.length", general(length), MEMORY)
    values.put(f"{key}.solved", general(sum(share >= SOLVED for share in shares)), MEMORY)
    values.put(f"{key}.seeds", general(len(runs)), MEMORY)
    values.put(f"{key}.lowest", percent(min(shares), 1), MEMORY)
    values.put(f"{key}.seconds", number(median(run["seconds"] for run in runs)), MEMORY)


def _options(values: Values, options: Mapping[str, Mapping[str, Any]]) -> None:
    for name, study in options.items():
        source, runs = f"runs/options/{name}/study.json", study["runs"]
        values.put(f"options.{name}.length", general(runs[0]["length"]), source)
        values.put(f"options.{name}.seeds", general(len(runs)), source)
        values.put(f"options.{name}.solved", general(sum(run["accuracy"] >= SOLVED for run in runs)), source)
        values.put(f"options.{name}.lowest", percent(min(run["accuracy"] for run in runs)), source)
        values.put(f"options.{name}.highest", percent(max(run["accuracy"] for run in runs)), source)
        values.put(f"options.{name}.steps", general(int(median(run["steps"] for run in runs))), source)
        values.put(f"options.{name}.seconds", number(median(run["seconds"] for run in runs)), source)


def _claims(records: Records) -> None:
    course = {
        (run.result["cell"], run.result["length"], run.result["seed"]): run for run in records.palindromes
    }  # one of each
    lstm = [run for (cell, _, _), run in course.items() if cell == "lstm"]
    claim(all(run.result["accuracy"] == 1 for run in lstm), "the LSTM is perfect at every length of the course")
    short = [run for (cell, length, _), run in course.items() if cell == "rnn" and length <= 10]
    claim(all(run.result["accuracy"] == 1 for run in short), "the RNN is perfect on short palindromes")
    long = [run for (cell, length, _), run in course.items() if cell == "rnn" and length >= 30]
    claim(not any(first_solved(run) for run in long), "the RNN never learns the longest palindromes")
    middle = [run for (cell, length, _), run in course.items() if cell == "rnn" and length == 20]
    claim(all(first_solved(run) for run in middle), "every RNN once solved the middle length")
    claim(bool(lost_again(course["rnn", 20, 1])), "an RNN that had learnt the task lost it again")
    config = records.palindromes[0].config
    claim(config["epochs"] <= config["decay_every"], "the course's learning rate does not fall during the training")
    end = course["rnn", 20, 1].of("epoch")[-1]["test_accuracy"]
    claim(end < 0.12, "that RNN ended at guessing")
    for length in lengths(records.palindromes):
        lost = [lost_again(run) for run in lstm if run.result["length"] == length]
        claim(any(lost), "the LSTM too loses the task now and then, at every length")
        climbed = all(run.of("epoch")[-1]["test_accuracy"] > LOST for run in lstm)
        claim(climbed and max(map(len, lost)) <= 10, "the LSTM climbs back within a few epochs")
    memory = records.memory["runs"]
    gated = [run for run in memory if run["cell"] in ("lstm", "gru")]
    claim(all(run["accuracy"] >= SOLVED for run in gated), "LSTM and GRU learn every length with recipe memory")
    rnn = [run for run in memory if is_result_of(run, "rnn", 200)]
    claim(0.5 < mean(run["accuracy"] >= SOLVED for run in rnn) < 1, "most RNNs learn the longest length, not all")
    claim(not any(is_result_of(run, "rnn", 1000) for run in memory), "a thousand digits were not tried with the RNN")
    steps = {name: median(run["steps"] for run in study["runs"]) for name, study in records.options.items()}
    claim(steps["without-curriculum"] > 4 * steps["all"], "the curriculum is worth several times the steps")
    chrono = records.options["without-curriculum-chrono"]["runs"]
    claim(all(run["accuracy"] < SOLVED for run in chrono), "chrono without the curriculum does not learn in time")
    claim(steps["without-rotations"] <= steps["all"], "rotations bring the LSTM nothing")
    claim(steps["with-learnt-state"] == steps["all"], "a learnt first state changes nothing")
