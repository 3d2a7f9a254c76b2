"""Analysis of the trained cells: the gradient that reaches each step, and the forget gates of the LSTM."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from palingen.report.record_files import Record
from palingen.report.records import Records
from palingen.report.values import Values, check_claim, format_setting, number, scientific

SOURCE = "runs/analysis/analysis.json"

OPEN = 0.9
"""Mean from which on a forget gate counts as open."""

MEMORY = {"lstm": "c", "rnn": "h"}
"""Part of the state that carries the memory, by cell."""

STAGES = ("untrained", "trained")


class Retention(NamedTuple):
    """Gradient norms over that of the last step."""

    first: float
    """At the first step."""

    lowest: float


def add_values(values: Values, records: Records) -> None:
    """Add the numbers of the analysis, if there is one of an LSTM and of an RNN."""
    cells = analyses_by_cell(records)
    if not cells:
        return
    steps = cells["lstm"]["length"] - 1
    values.add_value("analysis.length", format_setting(steps + 1), SOURCE)
    for (cell, stage), retention in retentions(cells).items():
        key = f"analysis.{cell}.{stage}"
        values.add_value(f"{key}.retention", _ratio(retention.first), SOURCE)
        values.add_value(f"{key}.lowest", _ratio(retention.lowest), SOURCE)
        values.add_value(f"{key}.factor", number(retention.first ** (1 / (steps - 1)), 2), SOURCE)
    first = {cell: retentions(cells)[cell, "trained"].first for cell in MEMORY}
    if first["rnn"]:
        values.add_value("analysis.lstm.gain", scientific(first["lstm"] / first["rnn"], 0), SOURCE)
    forget = forget_gates(cells)
    values.add_value("analysis.forget.mean", number(float(forget.mean()), 2), SOURCE)
    values.add_value("analysis.forget.max", number(float(forget.mean(0).max()), 2), SOURCE)
    if (product := max_product(cells)) is not None:
        values.add_value("analysis.forget.product", scientific(product), SOURCE)
    values.add_value("analysis.forget.open-units", format_setting(int((forget.mean(0) > OPEN).sum())), SOURCE)
    values.add_value("analysis.forget.units", format_setting(forget.shape[1]), SOURCE)
    values.add_value("threshold.open", number(OPEN, 1), SOURCE)


def check_claims(records: Records) -> None:
    """Check the statements on gradients and gates, if there are records of both cells.

    Raises:
        DataError: the records contradict one.
    """
    cells = analyses_by_cell(records)
    if not cells:
        return
    first = {key: retention.first for key, retention in retentions(cells).items()}
    check_claim(first["lstm", "untrained"] < 1e-4, "the untrained LSTM's gradient vanishes too")
    faster = first["rnn", "untrained"] < first["lstm", "untrained"]
    check_claim(faster, "the untrained RNN's gradient vanishes faster")
    check_claim(first["lstm", "trained"] > 0.1, "the trained LSTM's gradient reaches the first digit undiminished")
    check_claim(first["rnn", "trained"] < 1e-3, "the trained RNN's gradient still vanishes")
    if (product := max_product(cells)) is not None:
        check_claim(product < 0.01, "no unit of the trained LSTM keeps the digit behind an open forget gate")


def analyses_by_cell(records: Records) -> dict[str, Record]:
    """Analyses by cell; empty unless there are one of an LSTM and one of an RNN, both with gradients over steps."""
    cells = {analysis["cell"]: analysis for analysis in reversed(records.analysis) if _has_gradients(analysis)}
    return {cell: cells[cell] for cell in MEMORY} if MEMORY.keys() <= cells.keys() else {}


def _has_gradients(analysis: Record) -> bool:
    """Whether a gradient reaches more than one step; of a network whose loss is zero, none does."""
    part = MEMORY.get(analysis["cell"], "h")
    return analysis["length"] > 2 and all(analysis[stage][part][-1] > 0 for stage in STAGES)


def retentions(cells: Mapping[str, Record]) -> dict[tuple[str, str], Retention]:
    """Gradient retention of both cells, untrained and trained."""
    by_stage = {}
    for cell, part in MEMORY.items():
        for stage in STAGES:
            norms = np.asarray(cells[cell][stage][part])
            by_stage[cell, stage] = Retention(float(norms[0] / norms[-1]), float(norms.min() / norms[-1]))
    return by_stage


def forget_gates(cells: Mapping[str, Record]) -> Float[ndarray, "T H"]:
    """Forget gates of the LSTM's units at every step."""
    return np.asarray(cells["lstm"]["gates"]["f"])


def max_product(cells: Mapping[str, Record]) -> float | None:
    """Largest product of one unit's forget gates: the fraction of its memory that they alone would keep.

    None for long palindromes, of which only some steps are recorded.
    """
    forget = forget_gates(cells)
    return float(forget[1:].prod(0).max()) if len(forget) == cells["lstm"]["length"] - 1 else None


def _ratio(ratio: float) -> str:
    return number(ratio, 1) if ratio >= 0.1 else scientific(ratio)
