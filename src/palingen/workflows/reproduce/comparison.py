"""Comparison of reproduced numbers with the recorded ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import Literal

from palingen.workflows.reproduce.measurements import Measurement
from palingen.workflows.reproduce.metrics import METRICS

Verdict = Literal["equal", "within", "outside", "timing", "not run yet"]

STANDARD_ERRORS = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
"""Standard errors of the difference within which two means agree, by the degrees of freedom of their spread, from 1 to
10 and more: Student's t, so that 1 of 20 equal means falls outside however few runs the spread was measured on."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One number of the report: recorded, reproduced, and whether they agree. Fractions are in %."""

    part: str
    group: str
    metric: str
    """Title of the metric, with its unit."""

    recorded: float
    """Mean over those of the recorded runs that are reproduced; over all if none is."""

    spread: float | None
    """Standard deviation over all recorded runs, or over the sets of images of one run; None where there is none."""

    runs: int
    """Number of recorded runs."""

    reproduced_runs: int
    reproduced: float | None
    """Mean over the reproduced runs; None if there are none yet."""

    difference: float | None
    """Reproduced minus recorded."""

    allowed: float
    """Largest difference that counts as agreement."""

    verdict: Verdict


def compare_measurements(recorded: Sequence[Measurement], reproduced: Sequence[Measurement]) -> list[Difference]:
    """Differences of all recorded numbers from the reproduced ones, in the order of the records."""
    repeated = {(number.part, number.group, number.metric): number for number in reproduced}
    return [
        _compare(number, repeated.get((number.part, number.group, number.metric)))
        for number in recorded
        if number.values  # empty: no run ever learned the task
    ]


def _compare(recorded: Measurement, reproduced: Measurement | None) -> Difference:
    metric = METRICS[recorded.metric]
    values = {run: metric.scale * value for run, value in recorded.values.items()}
    repeated = {run: metric.scale * value for run, value in reproduced.values.items()} if reproduced else {}
    common = [run for run in values if run in repeated]
    mean = fmean(values[run] for run in common or values)
    spread = stdev(values.values()) if len(values) > 1 else recorded.std and metric.scale * recorded.std
    reproduced_mean = fmean(repeated[run] for run in common) if common else None
    difference = None if reproduced_mean is None else reproduced_mean - mean
    allowed = max(metric.tolerance, metric.relative * abs(mean))
    if spread and reproduced and common:
        sets, repeated_sets = recorded.num_sets * len(common), reproduced.num_sets * len(common)
        freedom = (len(values) if len(values) > 1 else recorded.num_sets) - 1
        errors = STANDARD_ERRORS[min(freedom, len(STANDARD_ERRORS)) - 1]
        allowed = max(allowed, errors * spread * sqrt(1 / sets + 1 / repeated_sets))
    return Difference(
        part=recorded.part,
        group=recorded.group,
        metric=f"{metric.title}, {metric.unit}" if metric.unit else metric.title,
        recorded=mean,
        spread=spread,
        runs=len(values),
        reproduced_runs=len(common),
        reproduced=reproduced_mean,
        difference=difference,
        allowed=allowed,
        verdict=_verdict(difference, allowed, metric.is_timing, all(repeated[run] == values[run] for run in common)),
    )


def _verdict(difference: float | None, allowed: float, is_timing: bool, is_equal: bool) -> Verdict:
    if difference is None:
        return "not run yet"
    if is_timing:
        return "timing"
    if is_equal:
        return "equal"
    return "within" if abs(difference) <= allowed else "outside"
