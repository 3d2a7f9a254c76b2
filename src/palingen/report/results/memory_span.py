"""Where the memory of each cell ends: accuracy beyond the lengths of the training, half-lives of gates, gradients."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from palingen.report.record_files import Record
from palingen.report.records import LEARNED, Records
from palingen.report.tables import Table
from palingen.report.values import Values, format_setting, number, percent, scientific

SOURCE = "runs/memory-analysis/analysis.json"

CELLS = ("lstm", "gru", "rnn")

BEYOND = 5
"""Multiple of the longest half-life of its forget gates up to which a network that restores its state is right, at
least: the gates alone leave a thirtieth of it."""

VANISHED, CARRIED = 1e-3, 0.1
"""Gradient half way back, over that at the last step, below which it vanishes, and above which it is carried back."""

TIMED = 0.1
"""Accuracy of a guess; a network that has less on shorter and on longer palindromes is right at one length only."""

FACTORS = (1, 2, 5, 10, 50)
"""Lengths over that of the training in the table."""


class Span(NamedTuple):
    """How far the memory of one network reaches."""

    cell: str
    length: int
    """Length of the palindromes it was trained on."""

    half_life: float | None
    """Longest half-life of a unit's forget gates, in steps; None without gates."""

    half_way: float
    """Gradient norm half way back, over that at the last step, of the larger part of the state."""

    first: float
    """Gradient norm at the first step, over that at the last."""

    recall: Mapping[int, float]
    """Accuracy by length."""

    palindromes: Mapping[int, int]
    """Number of palindromes by length."""

    @property
    def recalled(self) -> int:
        """Longest length up to which the network is right at every length, from that of its training."""
        lengths = [length for length in sorted(self.recall) if length >= self.length]
        learned = [length for length in lengths if all(self.recall[n] >= LEARNED for n in lengths if n <= length)]
        return max(learned, default=0)

    @property
    def lost(self) -> int | None:
        """Shortest length beyond the training at which it is not; None if it is right at every length."""
        longer = [length for length in sorted(self.recall) if length > self.recalled and length >= self.length]
        return min(longer, default=None)

    @property
    def restores(self) -> bool:
        """Whether it is right for far longer than its forget gates keep a state."""
        return self.half_life is not None and self.recalled >= BEYOND * self.half_life

    @property
    def shorter(self) -> int | None:
        """Longest length below that of the training."""
        return max((length for length in self.recall if length < self.length), default=None)


def add_values(values: Values, records: Records) -> None:
    """Add the numbers of each cell's networks trained on the shortest and the longest palindromes."""
    longest_last = sorted(map(span_of, records.memory_analysis), key=lambda span: span.length)
    shortest = {f"span.{span.cell}-shortest": span for span in reversed(longest_last)}
    longest = {f"span.{span.cell}": span for span in longest_last}
    for key, span in (shortest | longest).items():
        values.add_value(f"{key}.length", format_setting(span.length), SOURCE)
        if span.half_way < VANISHED:
            values.add_value(f"{key}.vanished.half_way", _ratio(span.half_way), SOURCE)
        if span.half_way > CARRIED:
            values.add_value(f"{key}.carried.half_way", _ratio(span.half_way), SOURCE)
        if span.half_life is not None:
            kind = "restored" if span.restores else "carried"
            values.add_value(f"{key}.{kind}.half_life", number(span.half_life), SOURCE)
            values.add_value(f"{key}.{kind}.left", _ratio(2 ** -(span.recalled / span.half_life)), SOURCE)
        if span.recalled:
            values.add_value(f"{key}.kept.length", format_setting(span.recalled), SOURCE)
            values.add_value(f"{key}.kept.accuracy", percent(span.recall[span.recalled], 1), SOURCE)
        if span.recall and (last := max(span.recall)) > span.length:
            values.add_value(f"{key}.last.length", format_setting(last), SOURCE)
            values.add_value(f"{key}.last.accuracy", percent(span.recall[last], 1), SOURCE)
        if span.lost:
            values.add_value(f"{key}.lost.length", format_setting(span.lost), SOURCE)
            values.add_value(f"{key}.lost.accuracy", percent(span.recall[span.lost], 1), SOURCE)
        if span.lost and span.shorter and max(span.recall[span.lost], span.recall[span.shorter]) < TIMED:
            values.add_value(f"{key}.timed.length", format_setting(span.shorter), SOURCE)
            values.add_value(f"{key}.timed.accuracy", percent(span.recall[span.shorter], 1), SOURCE)
    counts = [recall["palindromes"] for analysis in records.memory_analysis for recall in analysis["recall"]]
    if counts:
        ends = [format_setting(count) for count in dict.fromkeys((min(counts), max(counts)))]
        values.add_value("span.palindromes", " to ".join(ends), SOURCE)


def spans_table(analyses: Sequence[Record]) -> Table | None:
    """Half-lives, gradients and accuracies of each network, by cell and length of its training."""
    if not analyses:
        return None
    rows = []
    for span in sorted(map(span_of, analyses), key=lambda span: (_order(span.cell), span.length)):
        accuracies = [span.recall.get(round(factor * span.length)) for factor in FACTORS]
        rows.append(
            [
                span.cell.upper(),
                format_setting(span.length),
                "no gates" if span.half_life is None else number(span.half_life),
                _ratio(span.half_way),
                _ratio(span.first),
                *("not run" if accuracy is None else number(100 * accuracy, 1) for accuracy in accuracies),
            ]
        )
    head = ["cell", "T", "half-life", "half way", "first step", *(_factor_name(factor) for factor in FACTORS)]
    groups = [("", 3), ("gradient at", 2), ("accuracy, %, at", len(FACTORS))]
    return Table(head, rows, SOURCE, groups=groups)


def span_of(analysis: Record) -> Span:
    """Numbers of one analysis."""
    norms = [max(parts) for parts in zip(*analysis["trained"].values(), strict=True)]
    steps, last = analysis["steps"], norms[-1] or 1.0
    middle = min(range(len(steps)), key=lambda index: abs(steps[index] - steps[-1] / 2))
    return Span(
        cell=analysis["cell"],
        length=analysis["length"],
        half_life=max(analysis["half_lives"], default=None),
        half_way=norms[middle] / last,
        first=norms[0] / last,
        recall={recall["length"]: recall["accuracy"] for recall in analysis["recall"]},
        palindromes={recall["length"]: recall["palindromes"] for recall in analysis["recall"]},
    )


def _order(cell: str) -> int:
    return CELLS.index(cell) if cell in CELLS else len(CELLS)


def _factor_name(factor: int) -> str:
    return "T" if factor == 1 else f"{factor} T"


def _ratio(ratio: float) -> str:
    return number(ratio, 2) if ratio >= 0.01 else "0" if ratio == 0 else scientific(ratio, 0)
