"""StackedMNIST: three digits at once, and how many of the 1,000 numbers the generator makes."""

from palingen.report.records import GanRecords, Records
from palingen.report.tables import Table
from palingen.report.values import LITERATURE, Values, check_claim, format_setting, number

PUBLISHED = {"modes": "1,000", "reverse-kl": "0.029", "hours": "7", "gpus": "8"}
"""Huang et al. 2024, with a classifier and real digits of their own."""


def add_values(values: Values, records: Records) -> None:
    """Add the numbers of StackedMNIST, if there is a score."""
    gan = records.stacked
    if gan is None or gan.score is None:
        return
    values.add_value("stacked.epochs", format_setting(gan.run.config["epochs"]), f"{gan.run.name}/config.json")
    values.add_value("stacked.minutes", number(gan.run.result["seconds"] / 60), f"{gan.run.name}/records.jsonl")
    for field in ("n", "modes", "modes_floor"):
        values.add_value(f"stacked.{field.replace('_', '-')}", format_setting(gan.score[field]), gan.score_name)
    for field in ("reverse_kl", "reverse_kl_floor"):
        values.add_value(f"stacked.{field.replace('_', '-')}", number(gan.score[field], 3), gan.score_name)
    for name, text in PUBLISHED.items():
        values.add_value(f"stacked.published.{name}", text, LITERATURE)


def check_claims(records: Records) -> None:
    """Check the statement on StackedMNIST, if there is a score.

    Raises:
        DataError: the score contradicts it.
    """
    score = records.stacked.score if records.stacked else None
    if score:
        check_claim(score["modes"] > 0.9 * score["modes_floor"], "the generator makes most of the three-digit numbers")


def modes_table(gan: GanRecords | None) -> Table | None:
    """Modes and reverse KL of the generator, of real digits, and as published; None without a score."""
    if gan is None or gan.score is None:
        return None
    score = gan.score
    rows = [
        ["recipe stacked", number(score["modes"]), number(score["reverse_kl"], 3)],
        ["real digits", number(score["modes_floor"]), number(score["reverse_kl_floor"], 3)],
        [
            f"Huang et al. 2024, their classifier, {PUBLISHED['hours']} hours on {PUBLISHED['gpus']} GPUs",
            PUBLISHED["modes"],
            PUBLISHED["reverse-kl"],
        ],
    ]
    return Table([f"three digits at once, {score['n']:,} images", "modes of 1,000", "reverse KL"], rows, gan.score_name)
