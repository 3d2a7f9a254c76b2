"""Quality of the generators against the time of their training."""

from collections.abc import Mapping

from palingen.report.record_files import Record
from palingen.report.records import GanRecords, recipe_of
from palingen.report.tables import Table
from palingen.report.values import format_setting, number, percent

HEAD = [
    "recipe", "seed", "epochs", "minutes", "FD / floor", "FD second / floor", "FD to training", "recall", "coverage",
    "class acc.", "unclear",
]  # fmt: skip


def minutes_table(gans: Mapping[str, GanRecords]) -> Table | None:
    """Scores of the single-digit GANs, the quickest training first; None without scores.

    Args:
        gans: trainings by recipe, or by recipe and seed, as in `residual-seed1`.
    """
    scored = {name: gan for name, gan in gans.items() if gan.score and gan.score["fd_second"] is not None}
    rows = [
        [recipe_of(name), *_training(gan.run.config, gan.run.result), *_quality(gan.score or {})]
        for name, gan in sorted(scored.items(), key=lambda item: item[1].run.result["seconds"])
    ]
    source = ", ".join(file for gan in scored.values() for file in (f"{gan.run.name}/records.jsonl", gan.score_name))
    return Table(HEAD, rows, source) if rows else None


def _training(config: Record, result: Record) -> list[str]:
    return [format_setting(config["seed"]), format_setting(config["epochs"]), number(result["seconds"] / 60)]


def _quality(score: Record) -> list[str]:
    return [
        number(score["fd"] / score["fd_floor"], 2),
        number(score["fd_second"] / score["fd_second_floor"], 2),
        number(score["fd_training"], 2),
        *(number(score[metric], 3) for metric in ("recall", "coverage")),
        *(
            "" if score[name] is None else percent(score[name], 1)
            for name in ("class_accuracy", "low_confidence_fraction")
        ),
    ]
