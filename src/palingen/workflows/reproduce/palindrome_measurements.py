"""Measurements of the palindrome runs, their studies, and the analysis."""

from collections.abc import Callable, Iterator, Mapping
from math import sqrt

from palingen.report.record_files import Record
from palingen.report.records import LEARNED, Records, RunRecords, StudyRecords
from palingen.report.results import gradients, memory_span
from palingen.report.results.palindromes import final_accuracy, first_learned, lost_epochs
from palingen.workflows.reproduce.measurements import Measurement

COURSE: Mapping[str, Callable[[RunRecords], float | None]] = {
    "accuracy": lambda run: run.result["accuracy"],
    "final_accuracy": final_accuracy,
    "learned": lambda run: float(first_learned(run) is not None),
    "first_learned": first_learned,
    "lost_epochs": lambda run: len(lost_epochs(run)),
    "best_epoch": lambda run: run.result["epoch"],
    "best_loss": lambda run: run.result["loss"],
    "gradient_norm": lambda run: max(record["gradient_norm"] for record in run.of("epoch")),
    "seconds": lambda run: run.result["seconds"],
}
"""Metrics of a run with the course's settings; None where the run has no such number."""

STUDY: Mapping[str, Callable[[Record], float]] = {
    "accuracy": lambda run: run["accuracy"],
    "learned": lambda run: float(run["accuracy"] >= LEARNED),
    "steps": lambda run: run["steps"],
    "seconds": lambda run: run["seconds"],
}
"""Metrics of a run of a study."""


def measure_palindromes(records: Records) -> Iterator[Measurement]:
    """Measurements of all palindrome runs, by cell and length."""
    for length in records.course_lengths:
        for cell in ("lstm", "rnn"):
            runs = {f"seed {run.result['seed']}": run for run in records.course_runs(cell, length)}
            for metric, measure in COURSE.items():
                values = {name: value for name, run in runs.items() if (value := measure(run)) is not None}
                yield Measurement("palindromes", _cell_and_length(cell, length), metric, values)
    if records.memory:
        groups = {(run["length"], run["cell"]) for run in (*records.memory.runs, *records.memory.diverged)}
        for length, cell in sorted(groups):
            yield from _measure_study("memory", _cell_and_length(cell, length), records.memory.group(cell, length))
    for part, studies in records.changed_studies.items():
        for name, study in studies.items():
            yield from _measure_study(part, name, study)
    yield from _measure_analysis(records)
    for span in map(memory_span.span_of, records.memory_analysis):
        yield from _measure_span(span)


def _measure_study(part: str, group: str, study: StudyRecords) -> Iterator[Measurement]:
    """Measurements of runs of the same settings; one that diverged has no numbers, and has not learned the task."""
    for metric, measure in STUDY.items():
        values = {f"seed {run['seed']}": measure(run) for run in study.runs}
        if metric == "learned":
            values |= {f"seed {run['seed']}": 0.0 for run in study.diverged}
        yield Measurement(part, group, metric, values)


def _measure_analysis(records: Records) -> Iterator[Measurement]:
    if not (cells := gradients.analyses_by_cell(records)):
        return
    for (cell, stage), retention in gradients.retentions(cells).items():
        group = f"{cell.upper()}, {stage}"
        yield Measurement("analysis", group, "retention", {"": retention.first})
        yield Measurement("analysis", group, "lowest_retention", {"": retention.lowest})
    forget = gradients.forget_gates(cells)
    metrics = {
        "forget_mean": float(forget.mean()),
        "forget_max": float(forget.mean(0).max()),
        "open_units": float((forget.mean(0) > gradients.OPEN).sum()),
    }
    if (product := gradients.max_product(cells)) is not None:
        metrics["forget_product"] = product
    for metric, value in metrics.items():
        yield Measurement("analysis", "LSTM, trained", metric, {"": value})


def _measure_span(span: memory_span.Span) -> Iterator[Measurement]:
    """How far the memory of one network reaches."""
    network = _cell_and_length(span.cell, span.length)
    if span.half_life is not None:
        yield Measurement("memory-analysis", network, "half_life", {"": span.half_life})
    for length, accuracy in span.recall.items():
        group, count = f"{network}, on {length:,} digits", span.palindromes[length]
        std = sqrt(accuracy * (1 - accuracy))  # of one palindrome, which is right or wrong
        yield Measurement("memory-analysis", group, "accuracy", {"": accuracy}, std, count)


def _cell_and_length(cell: str, length: int) -> str:
    return f"{cell.upper()}, T = {length:,}"
