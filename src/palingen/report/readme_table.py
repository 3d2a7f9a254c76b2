"""Main results as a short table for the README."""

from collections.abc import Sequence

from palingen.report.records import LEARNED, GanRecords, Records, StudyRecords
from palingen.report.results.gan_scores import with_std
from palingen.report.tables import Table
from palingen.report.values import count_of, join_list, mean_and_range, number, percent

CELLS = ("lstm", "rnn")
"""Cells that are compared with the course's settings."""

MEMORY_CELLS = ("lstm", "gru", "rnn")
"""Cells that are compared with recipe memory."""

MEMORY_LENGTHS = (200, 1000, 10_000, 100_000)
"""Lengths of recipe memory in the table."""

GAN_RECIPES = ("course", "residual")
"""Single-digit GANs in the table."""


def readme_table(records: Records) -> Table:
    """Table of the main results: at most six rows, those there are records for."""
    lengths = [length for length in records.course_lengths if all(records.course_runs(cell, length) for cell in CELLS)]
    rows = [_course_row(records, length) for length in sorted({*lengths[:1], *lengths[-1:]})]
    if records.memory and (trained := {*records.memory.lengths(*MEMORY_CELLS)} & {*MEMORY_LENGTHS}):
        rows.append(_memory_row(records.memory, sorted(trained)))
    rows += [_gan_row(name, gan) for name, gan in records.gans.items() if name in GAN_RECIPES and gan.score]
    if records.stacked and records.stacked.score:
        rows.append(_stacked_row(records.stacked))
    return Table(["result", "measured", "how", "n"], rows, "runs/*")


def _course_row(records: Records, length: int) -> list[str]:
    """Row of LSTM and RNN at one length."""
    runs = {cell: records.course_runs(cell, length) for cell in CELLS}
    seeds = sorted({len(group) for group in runs.values()})
    accuracies = {cell: [100 * run.result["accuracy"] for run in group] for cell, group in runs.items()}
    return [
        f"palindromes of {length} digits, accuracy on unseen ones in % (lowest to highest seed)",
        ", ".join(f"{cell.upper()} {mean_and_range(values, 1)}" for cell, values in accuracies.items()),
        f"`palingen palindrome study --recipe course {_study_flags(CELLS, [length], max(seeds))}`",
        f"{join_list([str(count) for count in seeds], 'or')} seeds a cell",
    ]


def _memory_row(memory: StudyRecords, lengths: list[int]) -> list[str]:
    """Row of recipe memory: seeds that learned the task, by length and cell."""
    results, counts = [], set()
    for length in lengths:
        groups = {cell: group for cell in MEMORY_CELLS if (group := memory.group(cell, length)).seeds}
        learned = [f"{cell.upper()} {count_of(group.learned, group.seeds)}" for cell, group in groups.items()]
        results.append(f"T = {length:,}: {', '.join(learned)}")
        counts |= {group.seeds for group in groups.values()}
    digits = join_list([f"{length:,}" for length in lengths])
    return [
        f"palindromes of {digits} digits, recipe `memory`: seeds with at least {percent(LEARNED)} accuracy",
        "; ".join(results),
        f"`palingen palindrome study {_study_flags(MEMORY_CELLS, lengths, max(counts))}`",
        f"{join_list([str(count) for count in sorted(counts)], 'or')} seeds a cell",
    ]


def _study_flags(cells: Sequence[str], lengths: Sequence[int], seeds: int) -> str:
    return f"--cells {' '.join(cells)} --lengths {' '.join(map(str, lengths))} --seeds {seeds}"


def _gan_row(recipe: str, gan: GanRecords) -> list[str]:
    """Row of one generator: Frechet distance, and recall and class accuracy if it is class-conditional."""
    score = gan.score or {}
    floor = {"fd": score["fd_floor"], "std": {"fd": score["fd_floor_std"]}}
    measured = [f"{with_std(score, 'fd', 1)} (real images: {with_std(floor, 'fd', 1)})"]
    name = "Fréchet distance to the test images"
    if score["class_accuracy"] is not None:
        name += ", recall, class accuracy"
        measured += [number(score["recall"], 2), percent(score["class_accuracy"], 1)]
    repeats = score.get("repeats", 1)
    return [
        f"digits of recipe `{recipe}`: {name}",
        ", ".join(measured),
        f"`palingen gan score pretrained:{recipe} --repeats {repeats}`",
        f"1 run, {repeats} sets of {score['n']:,} images",
    ]


def _stacked_row(stacked: GanRecords) -> list[str]:
    """Row of StackedMNIST."""
    score = stacked.score or {}
    return [
        "three digits at once (StackedMNIST): modes of 1,000, reverse KL",
        f"{score['modes']:,}, {number(score['reverse_kl'], 3)} (real digits: {score['modes_floor']:,}, "
        f"{number(score['reverse_kl_floor'], 3)})",
        "`palingen gan train --recipe stacked`, `palingen gan score RUN`",
        f"1 run, {score['n']:,} images",
    ]
