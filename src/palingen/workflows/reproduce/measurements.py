"""Measurements: every number that a report's records determine, run by run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from palingen.report.record_files import Record


@dataclass(frozen=True)
class Measurement:
    """One metric of one group of runs, such as the accuracy of the LSTM at T = 5."""

    part: str
    """Part of the reproduction, a folder under `runs`."""

    group: str
    """Runs that it is of, for the reader."""

    metric: str
    """Name in `METRICS`."""

    values: Mapping[str, float]
    """Numbers by run, as in `seed 0`; of a single run, by an empty text."""

    std: float | None = None
    """Spread of a single number over several sets of latents or of real images, where that was measured."""

    num_sets: int = 1
    """Number of these sets."""


def measure_score(
    part: str, group: str, score: Record, metrics: tuple[str, ...], num_sets: int
) -> Iterator[Measurement]:
    """Metrics of a score that are not None, with their standard deviations."""
    spreads = score.get("std") or {}
    for metric in metrics:
        if score.get(metric) is not None:
            yield Measurement(part, group, metric, {"": score[metric]}, spreads.get(metric), num_sets)
