"""Maximum latent norms when sampling, compared on the validation part of the training images."""

from collections.abc import Sequence

from palingen.report.record_files import Record
from palingen.report.records import Records
from palingen.report.results.gan_scores import with_std
from palingen.report.tables import Table
from palingen.report.values import Values, check_claim, format_setting, number, percent

SOURCE = "runs/max-latent-norm/*/score.json"

FRACTIONS = {"class_accuracy": "class_accuracy", "low_confidence": "low_confidence_fraction"}
"""Metrics that not every score has, by their name in the text."""


def add_values(values: Values, records: Records) -> None:
    """Add the extremes of the comparison, if there is one."""
    scores = records.max_latent_norms
    if not scores:
        return
    unlimited, strictest = scores[0], scores[-1]
    values.add_value("norms.n", format_setting(unlimited["n"]), SOURCE)
    values.add_value("norms.sets", format_setting(unlimited["repeats"]), SOURCE)
    for key, score in (("unlimited", unlimited), ("strictest", strictest)):
        values.add_value(f"norms.{key}.fd", with_std(score, "fd", 2), SOURCE)
        values.add_value(f"norms.{key}.recall", number(score["recall"], 3), SOURCE)
        for name, metric in FRACTIONS.items():
            if score[metric] is not None:
                values.add_value(f"norms.{key}.{name}", percent(score[metric], 1), SOURCE)
    if strictest["max_latent_norm"] is not None:
        values.add_value("norms.strictest.norm", format_setting(strictest["max_latent_norm"]), SOURCE)
    closest = min(scores, key=lambda score: score["fd"])
    if closest["max_latent_norm"] is not None:
        values.add_value("norms.closest.norm", format_setting(closest["max_latent_norm"]), SOURCE)
        values.add_value("norms.closest.fd", with_std(closest, "fd", 2), SOURCE)


def check_claims(records: Records) -> None:
    """Check the statements on the comparison, if there is one.

    Raises:
        DataError: the scores contradict one.
    """
    scores = records.max_latent_norms
    if not scores:
        return
    check_claim(
        scores[0]["recall"] == _best(scores, "recall"), "recall on the validation part is highest without a limit"
    )
    if all(score["class_accuracy"] is not None for score in scores):
        highest = scores[-1]["class_accuracy"] == _best(scores, "class_accuracy")
        check_claim(highest, "a limit raises the class accuracy")
    if all(score["low_confidence_fraction"] is not None for score in scores):
        fewest = min(score["low_confidence_fraction"] for score in scores)
        check_claim(scores[-1]["low_confidence_fraction"] == fewest, "a limit lowers the fraction of unclear images")
    residual = records.gans.get("residual")
    unlimited = not (residual and residual.score and residual.score.get("max_latent_norm"))
    check_claim(unlimited, "recipe residual samples without a limit")


def norms_table(records: Records) -> Table | None:
    """Scores on the validation part, a row for each limit; None without records."""
    if not records.max_latent_norms:
        return None
    head = ["maximum norm", "FD", "recall", "coverage", "class accuracy", "unclear"]
    rows = [
        [
            "none" if score["max_latent_norm"] is None else f"{format_setting(score['max_latent_norm'])} √Z",
            with_std(score, "fd", 2),
            *(with_std(score, metric, 3) for metric in ("recall", "coverage")),
            *("" if score[metric] is None else percent(score[metric], 1) for metric in FRACTIONS.values()),
        ]
        for score in records.max_latent_norms
    ]
    return Table(head, rows, SOURCE)


def _best(scores: Sequence[Record], metric: str) -> float:
    return max(score[metric] for score in scores)
