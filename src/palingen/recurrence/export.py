"""Export of a studied network: weights of three stages in half precision, and its accuracy over seeds and lengths."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from palingen.recurrence.config import PalindromeConfig, sample_unseen
from palingen.recurrence.layers import SequenceClassifier
from palingen.recurrence.palindromes import Palindromes, count_palindromes, encode, sample_at_most
from palingen.recurrence.pretrained import FILE_SUFFIX, Stage, load_network
from palingen.recurrence.study import is_same_study, load_results
from palingen.recurrence.train import train_palindrome
from palingen.recurrence.user_cells import load_cell
from palingen.runtime.atomic_io import write_json
from palingen.runtime.errors import RunError
from palingen.runtime.kept_code import keep_code
from palingen.runtime.numerics import configure_numerics
from palingen.runtime.run_files import read_config, read_records
from palingen.runtime.safetensors_io import save_weights

SCORE_FILE = "score.json"
"""Accuracy of a network over seeds and lengths, and how it was made, beside its weights."""

LENGTHS = (5, 10, 20, 30, 50, 100, 200, 500, 1000)
"""Lengths of the palindromes on which every seed's network is measured."""

NUM_PALINDROMES = 1000
"""Palindromes of each length, if there are as many."""


def export_network(study: Path, cell: str, length: int, out: Path, command: str) -> list[Path]:
    """Write the network of the study's first seed at three stages, and the scores of all seeds; return the files.

    The first seed is exported, whatever its accuracy, so that no network is chosen by its test accuracy. Its middle
    stage is a run with half of the epochs, which is trained in `study/middle` unless it is there.

    Args:
        study: folder of a study.
        cell: cell of the network; one of the user's as FILE.py:NAME, with the file of the study.
        length: length of the palindromes it was trained on.
        out: folder to write to.
        command: the command, for the record.

    Raises:
        ConfigError: there is no such cell.
        RunError: the study has no finished run of the cell at this length with its first seed, or the cell has no file.
    """
    configure_numerics()
    cell = PalindromeConfig(cell=cell).cell
    load_cell(cell)  # from the caller's file, before anything trusts that the folder's copy is the same
    results, config = _runs_of(study, cell, length)
    first = study / results[0]["folder"]
    half = replace(config, epochs=max(1, count_epochs(first) // 2))
    train_palindrome(half, study / "middle" / first.name)
    models: dict[Stage, SequenceClassifier] = {
        "start": load_network(first, "start", trust_code=True)[1],  # the cell is the caller's own
        "middle": load_network(study / "middle" / first.name, trust_code=True)[1],
        "end": load_network(first, trust_code=True)[1],
    }
    keep_code(config, out)
    for stage, model in models.items():
        weights = {name: weight.half() for name, weight in model.state_dict().items()}
        save_weights(out / f"{stage}{FILE_SUFFIX}", weights, config)
    score = _score(study, results, config) | {"epochs": {"middle": half.epochs, "end": results[0]["epoch"]}}
    score["commands"].append(command)
    write_json(out / SCORE_FILE, score)
    return [*(out / f"{stage}{FILE_SUFFIX}" for stage in models), out / SCORE_FILE]


def _runs_of(study: Path, cell: str, length: int) -> tuple[list[dict[str, Any]], PalindromeConfig]:
    """Results of a cell at one length, the first seed first, and its config."""
    results = [result for result in load_results(study) if result["length"] == length]
    runs = [(result, read_config(study / result["folder"], PalindromeConfig)) for result in results]
    runs = [(result, config) for result, config in runs if config.cell == cell]
    if not runs or runs[0][0]["seed"] != 0:
        raise RunError(f"{study}: has no finished run of cell={cell!r} at length={length} with seed 0")
    first = replace(runs[0][1], cell=cell)
    return [result for result, config in runs if is_same_study(config, first)], first  # --force may have left others


def count_epochs(folder: Path) -> int:
    """Epochs that a finished run took, which an early stop makes fewer than its config allows."""
    return sum(record["kind"] == "epoch" for record in read_records(folder))


def measured_palindromes(config: PalindromeConfig, length: int) -> Palindromes:
    """Palindromes of one length to measure a network on, at most `NUM_PALINDROMES`.

    They are the same for every network, unless the training may have had many of that length: short ones, of which its
    test palindromes are taken. Palindromes shorter than those of the training may be among those of its curriculum.
    """
    max_digits = NUM_PALINDROMES * length
    if config.num_samples * NUM_PALINDROMES < count_palindromes(length):  # hardly one is in the training
        return sample_at_most(length, NUM_PALINDROMES, max_digits)
    return sample_unseen(config, length, NUM_PALINDROMES, max_digits)


@torch.no_grad()
def accuracy_at(model: SequenceClassifier, config: PalindromeConfig, length: int) -> float:
    """Accuracy on `measured_palindromes` of any length."""
    palindromes = measured_palindromes(config, length)
    logits = model(encode(palindromes.inputs, config.input_encoding))
    return round(float((logits.argmax(1) == palindromes.target).float().mean()), 4)


def _score(study: Path, results: list[dict[str, Any]], config: PalindromeConfig) -> dict[str, Any]:
    """Accuracy of every seed's network, the lengths and numbers of palindromes, and how the study was made."""
    environment = dict(results[0]["environment"])
    command = environment.pop("command", None)
    return {
        "cell": results[0]["cell"],
        "length": results[0]["length"],
        "lengths": list(LENGTHS),
        "n": [len(measured_palindromes(config, length)) for length in LENGTHS],
        "seeds": [_score_run(study, result) for result in results],
        "commands": [command] if command else [],
        "environment": environment,
    }


def _score_run(study: Path, result: dict[str, Any]) -> dict[str, Any]:
    """Accuracy of one seed's network on its test palindromes, and on random ones of every length."""
    config, model = load_network(study / result["folder"], trust_code=True)
    measured = {name: result[name] for name in ("seed", "accuracy", "epoch", "steps", "seconds")}
    return {**measured, "by_length": [accuracy_at(model, config, length) for length in LENGTHS]}
