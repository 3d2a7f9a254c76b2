"""Palindromes in a notebook: records, a small study, predictions, gradients.

T  length of a palindrome
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from matplotlib.figure import Figure

from palingen.recurrence.analysis import RunAnalysis
from palingen.recurrence.cells import CellName
from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.layers import SequenceClassifier
from palingen.recurrence.palindromes import InputEncoding, Palindromes, encode
from palingen.recurrence.retention import retention_text
from palingen.recurrence.study import TrainOptions, enumerate_runs, run_study
from palingen.report import figures
from palingen.report.record_shapes import PALINDROME_STUDY
from palingen.runtime.errors import DataError
from palingen.runtime.json_io import read_json
from palingen.runtime.numerics import select_device
from palingen.runtime.parallel import ParallelConfig
from palingen.runtime.run_files import read_result
from palingen.workflows.notebook_display.markup import Markdown, format_percent, table


def load_results(runs: Path) -> list[dict[str, Any]]:
    """Result records of all palindrome runs in a folder, sorted by length, cell and seed.

    Raises:
        DataError: there are none.
    """
    results = [read_result(path.parent) for path in runs.glob("*/records.jsonl")]
    if not results:
        raise DataError(f"{runs}: contains no runs")
    return sorted(results, key=lambda result: (result["length"], result["cell"], result["seed"]))


def load_study(folder: Path) -> list[dict[str, Any]]:
    """Result records of a study, from its `study.json`."""
    runs: list[dict[str, Any]] = read_json(folder / "study.json", PALINDROME_STUDY)["runs"]
    return runs


def run_small_study(
    config: PalindromeConfig, cells: Sequence[CellName], lengths: Sequence[int], seeds: int, folder: Path
) -> list[dict[str, Any]]:
    """Train every cell at every length from scratch, several runs at a time; return the result records.

    Args:
        config: config of each run, except for cell, length and seed.
        cells: cells to compare.
        lengths: lengths T.
        seeds: seeds of each, 0, 1, ...
        folder: where to write the runs, as `CELL-TLENGTH-seedSEED`.
    """
    options = TrainOptions(device=str(select_device()), force=True)
    return list(run_study(enumerate_runs(config, cells, lengths, seeds), folder, ParallelConfig(), options))


def accuracy_table(results: Sequence[Mapping[str, Any]]) -> Markdown:
    """Accuracy by length and cell: mean over the seeds that did not diverge, with the minimum and the maximum."""
    cells = sorted({result["cell"] for result in results})
    rows = []
    for length in sorted({result["length"] for result in results}):
        row: dict[str, Any] = {"T": length}
        for cell in cells:
            accuracies = [run["accuracy"] for run in results if (run["length"], run["cell"]) == (length, cell)]
            row[cell] = _format_seeds([accuracy for accuracy in accuracies if accuracy is not None])
        rows.append(row)
    return table(rows)


@torch.no_grad()
def predictions(
    palindromes: Palindromes, count: int, model: SequenceClassifier | None = None, encoding: InputEncoding = "scalar"
) -> Markdown:
    """Input and target of the first `count` palindromes, with the prediction and the confidence (8) of a network."""
    selection = Palindromes(palindromes.digits[:count])
    rows = [
        {"input": " ".join(map(str, digits.tolist())), "target": int(target)}
        for digits, target in zip(selection.inputs, selection.target, strict=True)
    ]
    if model is not None:
        confidences, classes = model(encode(selection.inputs, encoding)).softmax(1).max(1)
        for row, digit, confidence in zip(rows, classes.tolist(), confidences.tolist(), strict=True):
            row |= {"prediction": digit, "confidence": format_percent(confidence)}
    return table(rows)


def gates_and_gradients(analyses: Mapping[str, RunAnalysis]) -> Figure:
    """Gates of the first gated run, and the gradient norms of every run over the steps."""
    return figures.gates_and_gradients([analysis.as_record(label) for label, analysis in analyses.items()])


def gradient_table(analyses: Mapping[str, RunAnalysis]) -> Markdown:
    """Gradient norm at the first step over that at the last one, before and after training."""
    return table(
        [
            {
                "run": label,
                "untrained": retention_text(analysis.untrained),
                "trained": retention_text(analysis.trained),
            }
            for label, analysis in analyses.items()
        ]
    )


def _format_seeds(accuracies: Sequence[float]) -> str:
    if not accuracies:
        return ""
    if len(accuracies) == 1:
        return f"{format_percent(accuracies[0])}, 1 seed"
    low, high = 100 * min(accuracies), 100 * max(accuracies)
    return f"{format_percent(mean(accuracies))} ({low:.1f} to {high:.1f}), {len(accuracies)} seeds"
