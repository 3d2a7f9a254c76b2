"""What the report says of three digits at once."""

from palingen.report.records import Game
from palingen.report.values import LITERATURE, Values, claim, general, number

BEST_PUBLISHED = {"modes": "1,000", "reverse-kl": "0.029", "hours": "7", "gpus": "8"}
"""Huang et al. 2024, by a judge and real digits of their own."""


def put(values: Values, game: Game | None) -> None:
    """Add its numbers, if it has been run and counted."""
    if game is None or game.score is None:
        return
    values.put("stacked.epochs", general(game.run.config["epochs"]), f"{game.run.name}/config.json")
    values.put("stacked.minutes", number(game.run.result["seconds"] / 60), f"{game.run.name}/records.jsonl")
    for field in ("n", "modes", "modes_floor"):
        values.put(f"stacked.{field.replace('_', '-')}", general(game.score[field]), game.score_name)
    for field in ("reverse_kl", "reverse_kl_floor"):
        values.put(f"stacked.{field.replace('_', '-')}", number(game.score[field], 3), game.score_name)
    for name, text in BEST_PUBLISHED.items():
        values.put(f"stacked.published.{name}", text, LITERATURE)
    claim(game.score["modes"] > 0.9 * game.score["modes_floor"], "of three digits few numbers are never drawn")


def words(game: Game | None) -> str:
    """The same for the README; empty if there is nothing."""
    if game is None or game.score is None:
        return ""
    score, result = game.score, game.run.result
    return (
        f"Three digits at once (recipe `stacked`, {result['seconds'] / 60:.0f} minutes): {score['modes']:,} of 1,000 "
        f"numbers occur among {score['n']:,} images, reverse KL {score['reverse_kl']:.3f}; among as many of real "
        f"digits {score['modes_floor']:,} and {score['reverse_kl_floor']:.3f}. The best published, by their own judge: "
        f"{BEST_PUBLISHED['modes']} and {BEST_PUBLISHED['reverse-kl']} (Huang et al. 2024, "
        f"{BEST_PUBLISHED['hours']} hours on {BEST_PUBLISHED['gpus']} GPUs).\n"
    )
