"""What the report says of the game and its digits: numbers and tables from the records, and claims held to them."""

import math
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from palingen.report.records import Game, Records
from palingen.report.values import ARITHMETIC, Table, Values, claim, general, number, percent, power

NETWORKS = "runs/networks.json"
SCORED = ("fd", "kid", "precision", "recall", "density", "coverage", "class_tv", "confidence", "nearest")
STAGES = {"opening": (0, 5), "early": (10, 20), "third": (100, 150), "last": (150, 200)}
LEVEL = ((150, 160), (190, 200))
"""Epochs over which the game's curves are averaged."""


def put(values: Values, records: Records) -> None:
    """Add all numbers of the second part."""
    course = records.games["course"]
    _settings(values, course)
    _play(values, course)
    for name, game in records.games.items():
        _score(values, name, game)
        _walks(values, name, game)
        if name != "course":
            _run(values, name, game)
    for name, pair in records.networks["gan"].items():
        for player in ("generator", "discriminator"):
            values.put(f"weights.{name}.{player}", number(pair[f"{player}_weights"]), NETWORKS)
    _script(values, course, records.games.get("public-script"))
    _claims(records.games)


def tables(records: Records) -> dict[str, Table]:
    """The second part's tables, of what has been run."""
    made = {"game-settings": _settings_table(records.games)}
    if any(game.score for game in records.games.values()):
        made["scores"] = _scores_table(records.games)
    return made


def average(records: Sequence[Mapping[str, Any]], field: str, first: float, last: float) -> float:
    """The mean of a record's field between two epochs."""
    return mean(record[field] for record in records if first < record["epoch"] <= last)


def _right(steps: Sequence[Mapping[str, Any]], first: float, last: float) -> float:
    return (average(steps, "real_accuracy", first, last) + average(steps, "fake_accuracy", first, last)) / 2


def _settings(values: Values, game: Game) -> None:
    source = f"{game.run.name}/config.json"
    for field in ("latent_dim", "batch_size", "epochs", "learning_rate", "beta1", "beta2", "save_interval"):
        values.put(f"game.{field}", general(game.run.config[field]), source)
    values.put("game.eps", power(game.run.config["batchnorm_eps"], 0), source)
    values.put("game.minutes", number(game.run.result["seconds"] / 60), f"{game.run.name}/records.jsonl")
    values.put("game.threads", general(game.run.environment["threads"]), f"{game.run.name}/environment.json")
    values.put("coin", percent(1 / 2), ARITHMETIC)
    values.put("coin.discriminator", number(2 * math.log(2), 2), ARITHMETIC)
    values.put("coin.generator", number(math.log(2), 2), ARITHMETIC)


def _play(values: Values, game: Game) -> None:
    source, steps, result = f"{game.run.name}/records.jsonl", game.run.of("step"), game.run.result
    for stage, (first, last) in STAGES.items():
        values.put(f"game.{stage}.from", general(first), source)
        values.put(f"game.{stage}.to", general(last), source)
        values.put(f"game.{stage}.accuracy", percent(_right(steps, first, last)), source)
        for player in ("generator", "discriminator"):
            values.put(f"game.{stage}.{player}", number(average(steps, f"{player}_loss", first, last), 2), source)
    for name, (first, last) in zip(("level", "end-level"), LEVEL, strict=True):
        values.put(f"game.{name}.accuracy", percent(_right(steps, first, last), 1), source)
    for kind in ("real", "fake"):
        values.put(f"game.end.{kind}", percent(result[f"{kind}_accuracy"]), source)
    for player in ("generator", "discriminator"):
        values.put(f"game.end.{player}", number(result[f"{player}_loss"], 2), source)
    apart = result["real_accuracy"] + result["fake_accuracy"] - 1
    values.put("game.end.apart", percent(apart), source)
    values.put("game.end.divergence", number((2 * math.log(2) - result["discriminator_loss"]) / 2, 2), source)
    fooled = min(steps, key=lambda record: record["real_accuracy"] + record["fake_accuracy"])
    values.put("game.closest", percent((fooled["real_accuracy"] + fooled["fake_accuracy"]) / 2), source)


def _score(values: Values, name: str, game: Game) -> None:
    if not game.score:
        return
    rows = {name: game.score} | ({"floor": 0, **game.score["rows"]} if name == "course" else {})
    for row, score in rows.items():
        if row == "course" and f"score.{row}.fd" in values:
            continue
        key = f"score.{row.replace(' ', '-')}"
        values.put(f"{key}.fd", number(score["fd"], 1), game.score_name)
        for field in ("precision", "recall", "density", "coverage", "nearest"):
            values.put(f"{key}.{field}", number(score[field], 2), game.score_name)
        values.put(f"{key}.class_tv", percent(score["class_tv"]), game.score_name)
        values.put(f"{key}.confidence", percent(score["confidence"], 1), game.score_name)
    values.put(f"score.{name}.n", general(game.score["n"]), game.score_name)
    values.put(f"score.{name}.draws", general(game.score.get("draws", 1)), game.score_name)
    times = game.score["fd"] / game.score["fd_floor"]
    values.put(f"score.{name}.times", number(times, 0 if times >= 10 else 1), game.score_name)
    if game.score["agreement"] is not None:
        values.put(f"score.{name}.agreement", percent(game.score["agreement"], 1), game.score_name)
    if game.untruncated:
        key, source = f"score.{name}.untruncated", f"{game.run.name}/untruncated/score.json"
        values.put(f"{key}.fd", number(game.untruncated["fd"], 1), source)
        values.put(f"{key}.recall", number(game.untruncated["recall"], 3), source)
        values.put(f"{key}.agreement", percent(game.untruncated["agreement"], 1), source)
        values.put(f"{key}.recall-truncated", number(game.score["recall"], 3), game.score_name)
        values.put(f"{key}.longest", general(game.run.config["truncation"]), f"{game.run.name}/config.json")


def _walks(values: Values, name: str, game: Game) -> None:
    for way, (_, classes, confidences) in game.walks.items():
        key = f"walk.{name}.{way}"
        values.put(f"{key}.first", str(classes[0]), game.walks_name)
        values.put(f"{key}.last", str(classes[-1]), game.walks_name)
        values.put(f"{key}.least", percent(min(confidences)), game.walks_name)
        unsure = confidences.index(min(confidences)) + 1
        values.put(f"{key}.unsure", general(unsure), game.walks_name)
        turn = next((place for place, label in enumerate(classes, 1) if label != classes[0]), len(classes))
        values.put(f"{key}.turn", general(turn), game.walks_name)
        values.put(f"{key}.images", general(len(classes)), game.walks_name)
    if game.walks:
        steps = len(next(iter(game.walks.values()))[1]) - 2
        values.put(f"walk.{name}.steps", general(steps), game.walks_name)


def _run(values: Values, name: str, game: Game) -> None:
    config, result = game.run.config, game.run.result
    for field in ("epochs", "latent_dim", "batch_size", "gamma", "gamma_decay", "learning_rate", "average_steps"):
        values.put(f"{name}.{field}", general(config[field]), f"{game.run.name}/config.json")
    values.put(f"{name}.minutes", number(result["seconds"] / 60), f"{game.run.name}/records.jsonl")
    for kind in ("real", "fake"):
        values.put(f"{name}.end.{kind}", percent(result[f"{kind}_accuracy"]), f"{game.run.name}/records.jsonl")


def _script(values: Values, course: Game, script: Game | None) -> None:
    """Whose digits are nearer after as many epochs, the course's or the widely copied script's."""
    if script is None or not script.score or not course.score:
        return
    claim(script.run.config["epochs"] == course.run.config["epochs"], "the script's recipe had as many epochs")
    nearer = course.score["fd"] < script.score["fd"]
    values.put("script.verdict", "nearer" if nearer else "farther", f"{script.score_name}")


def _settings_table(games: Mapping[str, Game]) -> Table:
    rows = {
        "networks": "pair", "classes asked for": "conditional", "loss": "loss", "penalty": "penalty",
        "penalty's factor": "gamma", "penalty's factor, last share": "gamma_decay",
        "latents": "latent_dim", "their length, times √Z, when drawing": "truncation",
        "batch": "batch_size", "epochs": "epochs",
        "learning rate": "learning_rate", "learning rate, last share": "learning_rate_decay", "Adam's betas": "beta1",
        "BatchNorm's eps": "batchnorm_eps", "averaged over, steps": "average_steps", "products in": "precision",
    }  # fmt: skip
    return Table(
        ["setting", *games],
        [[name, *(_setting(field, game.run.config) for game in games.values())] for name, field in rows.items()],
        ", ".join(f"{game.run.name}/config.json" for game in games.values()),
    )


def _setting(field: str, config: Mapping[str, Any]) -> str:
    value = config.get(field)
    if field == "pair":
        return {"mlp": "fully connected"}.get(str(value), str(value))
    if field == "beta1":
        end = f" to {general(config['beta2_end'])}" if config.get("beta2_end") else ""
        return f"{general(config['beta1'])}, {general(config['beta2'])}{end}"
    if field in ("gamma", "gamma_decay") and config.get("penalty", "none") == "none":
        return "none"
    if field == "batchnorm_eps":
        return power(config[field], 0) if config["pair"] != "residual" else "no BatchNorm"
    if field == "truncation":
        return f"at most {general(value)}" if value else "as they come"
    if isinstance(value, bool) or value is None:
        absent = {"learning_rate_decay": general(1), "average_steps": "none", "penalty": "none", "precision": "float32"}
        return "yes" if value else absent.get(field, "no")
    if field == "average_steps" and not value:
        return "none"
    return value if isinstance(value, str) else general(value)


def _scores_table(games: Mapping[str, Game]) -> Table:
    scored = {name: game for name, game in games.items() if game.score}
    first = next(iter(scored.values()))
    references = {row: score for row, score in (first.score or {})["rows"].items() if row not in games}
    names = {"floor": "real training images: the floor", "blur": "real, blurred", "noise": "real, with noise"}
    rows = {f"recipe {name}": game.score or {} for name, game in scored.items()}
    rows |= {names.get(row, f"real, {row.replace('1000', '1,000')}"): score for row, score in references.items()}
    return Table(
        ["images", "FD", "KID", "prec.", "recall", "density", "cover.", "classes amiss", "sure", "nearest"],
        [[name, *(_scored(field, score) for field in SCORED)] for name, score in rows.items()],
        ", ".join(game.score_name for game in scored.values()),
    )


def _scored(field: str, score: Mapping[str, Any]) -> str:
    if field in ("class_tv", "confidence"):
        return percent(score[field], 1)
    digits = 1 if field in ("fd", "kid") else 2
    give = f" ± {number(score['spread'][field], digits)}" if field == "fd" and score.get("spread") else ""
    return number(score[field], digits) + give


def _claims(games: Mapping[str, Game]) -> None:
    course = games["course"]
    steps, result = course.run.of("step"), course.run.result
    claim(min(result["real_accuracy"], result["fake_accuracy"]) > 0.6, "the discriminator still tells the two apart")
    both = [_right(steps, *STAGES[stage]) for stage in STAGES]
    claim(both == sorted(both, reverse=True), "the discriminator is right less and less often")
    fallen = _right(steps, *LEVEL[0]) - _right(steps, *LEVEL[1])
    claim(0 <= fallen < 0.02, "the discriminator's accuracy levels off")
    claim(result["discriminator_loss"] < 2 * math.log(2) - 0.2, "the discriminator's loss is still below a coin's")
    if course.score:
        rows = course.score["rows"]
        claim(rows["noise"]["fd"] < course.score["fd"] < rows["blur"]["fd"], "the digits lie between noise and blur")
        claim(rows["blur"]["precision"] > rows["floor"]["precision"], "blurred images have the better precision")
        claim(course.score["coverage"] < 0.9 * rows["floor"]["coverage"], "the digits cover less than real ones")
        claim(rows["100 repeated"]["recall"] == 0, "learning by heart shows in the recall")
        claim(course.score["class_tv"] > 0.1, "the classes are out of balance")
        claim(rows["no 1s"]["fd"] > 0.4 * course.score["fd"], "a missing class alone costs much of the distance")
        claim(rows["no 1s"]["class_tv"] < course.score["class_tv"], "the classes are more amiss than with one missing")
        claim(0.8 < course.score["nearest"] < 1.2, "the digits are no copies")
    if (quality := games.get("residual")) and quality.score and course.score:
        claim(quality.score["fd"] < course.score["fd"] / 4, "the quality recipe is several times nearer")
        claim(quality.score["recall"] > course.score["recall"], "the quality recipe recalls more")
        claim(quality.score["coverage"] > course.score["coverage"], "the quality recipe covers more")
        plain = games.get("residual-unconditional")
        nearer = not (plain and plain.score) or plain.score["fd"] < course.score["fd"] / 2
        claim(nearer, "most of the quality recipe's gain is not the classes'")
