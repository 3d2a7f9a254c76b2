"""Recipe memory: seeds that learn palindromes of each length, and ablations of the recipe."""

from collections.abc import Sequence
from statistics import median

from palingen.report.record_files import Record
from palingen.report.records import LEARNED, Records, StudyRecords
from palingen.report.values import Values, check_claim, format_setting, join_list, number, percent

CURRICULUM_GAIN = 4
"""Factor in steps that the curriculum is at least worth."""

WITHOUT_GAIN = ("with-learn-initial-state", "with-warmup", "with-cosine-schedule")
"""Ablations that save no steps."""


def add_values(values: Values, records: Records) -> None:
    """Add the numbers of recipe memory and of its ablations."""
    if records.memory:
        _add_memory(values, records.memory)
    for name, study in records.ablations.items():
        _add_ablation(values, f"ablations.{name}", study)
    for name, study in records.orthogonal_init.items():
        _add_ablation(values, f"orthogonal.{name}", study)


def check_claims(records: Records) -> None:
    """Check the statements on recipe memory; those without records are skipped.

    Raises:
        DataError: the records contradict one.
    """
    gated = [run for run in records.memory.runs if run["cell"] in ("lstm", "gru")] if records.memory else []
    learned = all(run["accuracy"] >= LEARNED for run in gated)
    check_claim(learned, "LSTM and GRU learn every length with recipe memory")
    steps = {name: median_steps(study) for name, study in records.ablations.items()}
    if {"recipe", "without-curriculum"} <= steps.keys():
        gain = steps["without-curriculum"] > CURRICULUM_GAIN * steps["recipe"]
        check_claim(gain, "the curriculum saves most of the steps")
    if chrono := records.ablations.get("chrono-init-without-curriculum"):
        failed = all(run["accuracy"] < LEARNED for run in chrono.runs)
        check_claim(failed, "chrono initialisation without the curriculum does not learn the task in time")
    orthogonal = records.orthogonal_init
    if {"lstm-with", "lstm-without"} <= orthogonal.keys():
        without_gain = median_steps(orthogonal["lstm-without"]) <= median_steps(orthogonal["lstm-with"])
        check_claim(without_gain, "orthogonal initialisation saves the LSTM no steps")
    if {"rnn-with", "rnn-without"} <= orthogonal.keys():
        learned_with, learned_without = (count_learned(orthogonal[f"rnn-{name}"].runs) for name in ("with", "without"))
        check_claim(learned_with >= learned_without, "orthogonal initialisation does not keep RNNs from learning")
    for name in WITHOUT_GAIN:
        if {"recipe", name} <= steps.keys():
            check_claim(steps[name] >= steps["recipe"], f"ablation {name} saves no steps")


def median_steps(study: StudyRecords) -> float:
    """Median of the training steps over the runs of a study."""
    return median(run["steps"] for run in study.runs)


def _add_memory(values: Values, memory: StudyRecords) -> None:
    source, config = memory.name, memory.config
    values.add_value("memory.runs", format_setting(len(memory.runs)), source)
    if config:
        for field in ("forget_bias_init", "curriculum_start"):
            values.add_value(f"memory.{field}", format_setting(config[field]), source)
        values.add_value("memory.curriculum_threshold", percent(config["curriculum_threshold"]), source)
    lengths = {cell: _longest_learned(memory, cell) for cell in sorted({run["cell"] for run in memory.runs})}
    if threads := StudyRecords(source, {}, memory.of("lstm", lengths.get("lstm", 0))).threads:
        values.add_value("memory.cores", "one core" if threads == 1 else f"{threads} cores", source)
    for cell, length in lengths.items():
        runs, key = memory.of(cell, length), f"memory.{cell}-longest"
        values.add_value(f"{key}.length", format_setting(length), source)
        values.add_value(f"{key}.seeds", format_setting(len(runs)), source)
        values.add_value(f"{key}.learned", format_setting(count_learned(runs)), source)
        values.add_value(f"{key}.seconds", number(median(run["seconds"] for run in runs)), source)
    gated = [cell for cell in ("lstm", "gru") if cell in lengths]
    if gated:
        values.add_value("memory.gated.cells", join_list([cell.upper() for cell in gated]), source)
        values.add_value("memory.gated.length", format_setting(min(lengths[cell] for cell in gated)), source)
    if "rnn" in lengths:
        _add_rnn_limit(values, memory, lengths["rnn"])


def _add_rnn_limit(values: Values, memory: StudyRecords, longest: int) -> None:
    """Add the first length that most RNNs do not learn, and the longest that none was trained on."""
    tried = {run["length"] for run in memory.runs if run["cell"] == "rnn"}
    if max(tried) < (untested := max(run["length"] for run in memory.runs)):
        values.add_value("memory.rnn-untested.length", format_setting(untested), memory.name)
    failed = [length for length in tried if length > longest]
    if not failed:
        return
    runs, key = memory.of("rnn", min(failed)), "memory.rnn-failed"
    values.add_value(f"{key}.length", format_setting(min(failed)), memory.name)
    values.add_value(f"{key}.seeds", format_setting(len(runs)), memory.name)
    values.add_value(f"{key}.learned", format_setting(count_learned(runs)), memory.name)
    if all("curriculum_length" in run for run in runs):
        reached = [run["curriculum_length"] for run in runs]
        values.add_value(f"{key}.shortest", format_setting(min(reached)), memory.name)
        values.add_value(f"{key}.longest", format_setting(max(reached)), memory.name)


def _longest_learned(memory: StudyRecords, cell: str) -> int:
    """Longest palindromes that at least half of a cell's seeds learned; the shortest tried if there are none."""
    lengths = sorted({run["length"] for run in memory.runs if run["cell"] == cell})
    learned = [length for length in lengths if 2 * count_learned(runs := memory.of(cell, length)) >= len(runs)]
    return max(learned, default=lengths[0])


def _add_ablation(values: Values, key: str, study: StudyRecords) -> None:
    runs, accuracies = study.runs, [run["accuracy"] for run in study.runs]
    values.add_value(f"{key}.length", format_setting(runs[0]["length"]), study.name)
    values.add_value(f"{key}.seeds", format_setting(len(runs)), study.name)
    values.add_value(f"{key}.learned", format_setting(count_learned(runs)), study.name)
    values.add_value(f"{key}.lowest", percent(min(accuracies)), study.name)
    values.add_value(f"{key}.highest", percent(max(accuracies)), study.name)
    values.add_value(f"{key}.steps", number(median_steps(study)), study.name)


def count_learned(runs: Sequence[Record]) -> int:
    """Number of runs that learned the task."""
    return sum(run["accuracy"] >= LEARNED for run in runs)
