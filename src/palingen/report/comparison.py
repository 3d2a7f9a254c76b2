"""A comparison of recipes, losses and settings: its numbers side by side, and its picture."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from matplotlib.figure import Figure

from palingen.report.figures import new_figure

Results = Sequence[Mapping[str, Any]]

SHOWN = {"fd": "FD", "recall": "recall", "coverage": "coverage", "class_tv": "class TV", "confidence": "confidence"}
"""Numbers of a score that tell arms apart, by what to call them."""


def by_arm(results: Results) -> dict[tuple[str, int], list[Mapping[str, Any]]]:
    """The runs of each arm, by label and epochs; the lowest Frechet distance first, what never ended last."""
    arms = defaultdict(list)
    for result in results:
        arms[result["label"], result["epochs"]].append(result)

    def distance(runs: Results) -> float:
        scores = [run["score"]["fd"] for run in runs if run["score"]]
        return mean(scores) if scores else float("inf")

    return dict(sorted(arms.items(), key=lambda arm: distance(arm[1])))


def spread(scores: Sequence[Mapping[str, float]]) -> dict[str, str]:
    """Mean, lowest and highest of each number, in words; empty words without scores."""
    words = {}
    for name, title in SHOWN.items():
        values = [score[name] for score in scores]
        digits = 1 if name == "fd" else 3
        words[title] = (
            f"{mean(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})" if values else ""
        )
    return words


def table(results: Results) -> str:
    """The comparison as Markdown."""
    lines = [
        f"| | epochs | seeds | {' | '.join(SHOWN.values())} | minutes a run |",
        f"| --- | --- | --- |{' --- |' * (len(SHOWN) + 1)}",
    ]
    for (label, epochs), runs in by_arm(results).items():
        scored = [run for run in runs if run["score"]]
        minutes = f"{mean(run['seconds'] for run in scored) / 60:.1f}" if scored else ""
        words = spread([run["score"] for run in scored])
        lines.append(
            f"| {label} | {epochs} | {len(scored)} of {len(runs)} | {' | '.join(words.values())} | {minutes} |"
        )
    return "\n".join(lines) + "\n"


def comparison(results: Results) -> Figure:
    """Frechet distance, coverage and recall of every arm: one dot a seed, the best arm on top."""
    arms = by_arm([result for result in results if result["score"]])
    figure = new_figure(11, 1.2 + 0.34 * len(arms))
    places = figure.subplots(1, 3, sharey=True)
    names = [f"{label}, {epochs} epochs" for label, epochs in arms]
    for axes, name, title in zip(
        places, ("fd", "coverage", "recall"), ("Frechet distance", "coverage", "recall"), strict=True
    ):
        for row, runs in enumerate(arms.values()):
            values = [run["score"][name] for run in runs]
            axes.plot([min(values), max(values)], [row, row], color="#1f5fa8", alpha=0.35, linewidth=4)
            axes.scatter(values, [row] * len(values), s=16, color="#1f5fa8", zorder=3)
        axes.set(title=title, xscale="log" if name == "fd" else "linear")
        if name != "fd":
            axes.set_xlim(-0.03, 1.03)
    places[0].set_yticks(range(len(arms)), labels=names)
    places[0].set_ylim(len(arms) - 0.5, -0.5)
    figure.supxlabel("one dot a seed; smaller distance is better, larger coverage and recall", fontsize=9)
    return figure
