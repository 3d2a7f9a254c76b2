"""The report's tables of the first part."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from palingen.report.palindromes import (
    MEMORY,
    NETWORKS,
    Results,
    first_solved,
    is_of,
    is_result_of,
    lengths,
    lost_again,
)
from palingen.report.records import Records, Run
from palingen.report.tables import SOLVED
from palingen.report.values import Table, general, number, percent, spread


def tables(records: Records) -> dict[str, Table]:
    """The first part's tables."""
    return {
        "palindrome-settings": _settings_table(records),
        "course-lengths": _lengths_table(records.palindromes),
        "memory": _memory_table(records.memory["runs"]),
        "options": _options_table(records.options),
    }


def _settings_table(records: Records) -> Table:
    course, memory = records.palindromes[0].config, records.memory["config"]
    weights = records.networks["palindromes"]
    rows: list[tuple[str, str, Callable[[float], str]]] = [
        ("hidden units", "hidden", general),
        ("batch, sequences", "batch_size", general),
        ("samples, training and test", "samples", general),
        ("share for training", "portion", percent),
        ("epochs, at most", "epochs", general),
        ("learning rate", "learning_rate", general),
        ("smoothing of the squared gradient", "alpha", general),
        ("gradient norm at most", "max_norm", general),
    ]
    words = {"rmsprop": "RMSprop", "adam": "Adam", "scalar": "its value", "one-hot": "one-hot"}
    return Table(
        ["setting", "course", "memory"],
        [
            ["a digit enters as", words["scalar"], words[memory["encoding"]]],
            *[[name, say(course[field]), say(memory[field])] for name, field, say in rows],
            ["optimiser", words["rmsprop"], words[memory["optimizer"]]],
            ["learning rate falls", _falls(course), _falls(memory)],
            ["first forget bias", "default", general(memory["forget_bias"])],
            ["recurrent weights start as", "default", "rotations" if memory["orthogonal"] else "default"],
            ["palindromes", "fixed set", "endless stream, lengths growing"],
            ["weights, LSTM", *(general(weights[recipe]["lstm"]) for recipe in ("course", "memory"))],
            ["weights, GRU", *(general(weights[recipe]["gru"]) for recipe in ("course", "memory"))],
            ["weights, RNN", *(general(weights[recipe]["rnn"]) for recipe in ("course", "memory"))],
        ],
        f"{records.palindromes[0].name}/config.json, {MEMORY}, {NETWORKS}",
    )


def _falls(config: Mapping[str, Any]) -> str:
    if config.get("length_decay"):
        return f"with the length to the power {general(-config['length_decay'])}".replace("-", "\N{MINUS SIGN}")
    return f"by a factor {general(config['decay'])} each {config['decay_every']} epochs"


def _lengths_table(palindromes: Sequence[Run]) -> Table:
    rows = []
    for length in lengths(palindromes):
        for cell in ("lstm", "rnn"):
            runs = [run for run in palindromes if is_of(run, cell, length)]
            if not runs:
                continue
            shares = [100 * run.result["accuracy"] for run in runs]
            ends = [100 * run.of("epoch")[-1]["test_accuracy"] for run in runs]
            firsts = [first for run in runs if (first := first_solved(run))]
            rows.append(
                [
                    f"T = {length}, {cell.upper()}",
                    general(len(runs)),
                    spread(shares, 1),
                    f"{len(firsts)} of {len(runs)}",
                    number(median(firsts)) if firsts else "never",
                    general(sum(len(lost_again(run)) for run in runs)),
                    spread(ends, 1),
                ]
            )
    head = ["length, cell", "seeds", "kept weights, %", "ever learnt", "epoch, median", "epochs lost", "last epoch, %"]
    return Table(head, rows, "runs/palindromes/*/records.jsonl")


def _memory_table(results: Results) -> Table:
    cells = ("lstm", "gru", "rnn")
    rows = []
    for length in sorted({run["length"] for run in results}):
        row = [general(length)]
        for cell in cells:
            runs = [run for run in results if is_result_of(run, cell, length)]
            solved = sum(run["accuracy"] >= SOLVED for run in runs)
            row += [f"{solved} of {len(runs)}", percent(min(run["accuracy"] for run in runs), 1),
                    f"{number(median(run['seconds'] for run in runs))} s"] if runs else ["not run", "", ""]  # fmt: skip
        rows.append(row)
    head = ["T", *(what for _ in cells for what in ("learnt", "lowest", "time"))]
    return Table(head, rows, MEMORY, groups=[("", 1), *((cell.upper(), 3) for cell in cells)])


def _options_table(options: Mapping[str, Mapping[str, Any]]) -> Table:
    rows = []
    for name, study in options.items():
        runs = study["runs"]
        shares = [run["accuracy"] for run in runs]
        rows.append(
            [
                "the recipe as it is" if name == "all" else name.replace("-", " "),
                f"{sum(share >= SOLVED for share in shares)} of {len(runs)}",
                f"{100 * min(shares):.1f} to {percent(max(shares), 1)}",
                number(median(run["steps"] for run in runs)),
                number(median(run["seconds"] for run in runs)),
            ]
        )
    return Table(["option", "learnt", "lowest to highest", "steps", "seconds"], rows, "runs/options/*/study.json")
