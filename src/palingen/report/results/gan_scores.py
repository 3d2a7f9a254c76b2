"""Scores of the generators and of the controls, which are real images, intact and corrupted."""

from collections.abc import Mapping

from palingen.report.record_files import Record
from palingen.report.records import GanRecords, Records
from palingen.report.tables import Table
from palingen.report.values import Values, check_claim, format_setting, number, percent

METRICS = ("precision", "recall", "density", "coverage", "nearest_train_ratio")
"""Metrics with two decimals."""

CONTROL_NAMES = {"floor": "real training images (floor)", "blur": "real, blurred", "noise": "real, noisy"}

Gans = Mapping[str, GanRecords]


def scores(gans: Gans) -> dict[str, Record]:
    """Score of each GAN that has one, by recipe."""
    return {recipe: gan.score for recipe, gan in gans.items() if gan.score}


def controls(gans: Gans) -> dict[str, Record]:
    """Scores of the controls, by name; empty without scores."""
    rows: Mapping[str, Record] = next((score.get("rows", {}) for score in scores(gans).values()), {})
    return {name: row for name, row in rows.items() if _is_control(name)}


def _is_control(name: str) -> bool:
    """Whether a row of a score is that of a control; the others are named after a generator or its run folder."""
    return name in CONTROL_NAMES or name.endswith(" repeated") or name.startswith("no ")


def add_values(values: Values, records: Records) -> None:
    """Add the scores."""
    gans = records.gans
    for name, gan in {**gans, **records.gan_repeats}.items():
        if gan.score:
            _add_gan(values, f"score.{name}", gan)
    source = next((gan.score_name for gan in gans.values() if gan.score), "")
    for first in list(scores(gans).values())[:1]:  # all have the same floor
        values.add_value("score.floor.subsets", format_setting(first["floor_subsets"]), source)
        values.add_value("score.floor.fd_std", number(first["fd_floor_std"], 1), source)
        values.add_value("score.low_confidence_threshold", percent(first["low_confidence_threshold"]), source)
    for name, row in controls(gans).items():
        _add_metrics(values, f"score.{name.replace(' ', '-')}", row, source)
    course, script = (gans.get(recipe) for recipe in ("course", "public-script"))
    if course and script and course.score and script.score and _same_epochs(course, script):
        closer = course.score["fd"] < script.score["fd"]
        values.add_value("score.course.comparison", "closer" if closer else "farther", script.score_name)


def check_claims(records: Records) -> None:
    """Check the statements on the scores; those without records are skipped.

    Raises:
        DataError: the scores contradict one.
    """
    score, rows = scores(records.gans), controls(records.gans)
    for recipe, record in score.items():
        check_claim(record.get("reference", "test") == "test", f"gan-{recipe} was scored against the test images")
    if "course" in score and {"floor", "blur", "noise", "no 1s", "100 repeated"} <= rows.keys():
        _check_course(score["course"], rows)
    if {"course", "residual"} <= score.keys():
        _check_residual(score)


def scores_table(gans: Gans) -> Table | None:
    """Scores of all generators, and of the controls; None without scores."""
    rows: dict[str, Record] = {f"recipe {recipe}": score for recipe, score in scores(gans).items()}
    for name, row in controls(gans).items():
        rows[CONTROL_NAMES.get(name, f"real, {name.replace('1000', '1,000')}")] = row
    head = ["images", "FD", "FD second", "KID", "prec.", "recall", "density", "cover."]
    head += ["class imb.", "unclear", "nearest", "class acc."]
    source = ", ".join(gan.score_name for gan in gans.values() if gan.score)
    return Table(head, [[name, *_cells(score)] for name, score in rows.items()], source) if rows else None


def with_std(score: Record, metric: str, digits: int) -> str:
    """A metric with its standard deviation, if it was measured several times, as in 3.7 ± 0.5."""
    spread = (score.get("std") or {}).get(metric)
    return number(score[metric], digits) + ("" if spread is None else f" ± {number(spread, digits)}")


def _same_epochs(one: GanRecords, other: GanRecords) -> bool:
    epochs: bool = one.run.config["epochs"] == other.run.config["epochs"]
    return epochs


def _cells(score: Record) -> list[str]:
    return [
        with_std(score, "fd", 1),
        _optional(score, "fd_second", 3),
        _optional(score, "kid", 1),
        *(number(score[metric], 2) for metric in ("precision", "recall", "density", "coverage")),
        percent(score["class_tv"], 1),
        "" if score["low_confidence_fraction"] is None else percent(score["low_confidence_fraction"], 1),
        "" if score["nearest_train_ratio"] is None else number(score["nearest_train_ratio"], 2),
        "" if score["class_accuracy"] is None else percent(score["class_accuracy"], 1),
    ]


def _optional(score: Record, metric: str, digits: int) -> str:
    """A metric with its standard deviation; empty if it was not measured."""
    return "" if score[metric] is None else with_std(score, metric, digits)


def _add_metrics(values: Values, key: str, score: Record, source: str) -> None:
    values.add_value(f"{key}.fd", number(score["fd"], 1), source)
    for metric in METRICS:
        if score[metric] is not None:
            values.add_value(f"{key}.{metric}", number(score[metric], 2), source)
    values.add_value(f"{key}.class_imbalance", percent(score["class_tv"]), source)
    values.add_value(f"{key}.mean_confidence", percent(score["mean_confidence"], 1), source)
    if score["low_confidence_fraction"] is not None:  # of a generator that was scored before, and is not shipped
        values.add_value(f"{key}.low_confidence", percent(score["low_confidence_fraction"], 1), source)
    if score["fd_second"] is not None:
        values.add_value(f"{key}.fd_second", number(score["fd_second"], 3), source)


def _add_gan(values: Values, key: str, gan: GanRecords) -> None:
    score, source = gan.score or {}, gan.score_name
    _add_metrics(values, key, score, source)
    values.add_value(f"{key}.recall_percent", percent(score["recall"], 1), source)
    values.add_value(f"{key}.n", format_setting(score["n"]), source)
    if score.get("repeats", 1) > 1:
        values.add_value(f"{key}.repeats", format_setting(score["repeats"]), source)
    values.add_value(f"{key}.fd_ratio", _ratio(score["fd"] / score["fd_floor"]), source)
    if score["fd_second"] is not None:
        values.add_value(f"{key}.fd_second_ratio", _ratio(score["fd_second"] / score["fd_second_floor"]), source)
    if score.get("low_confidence_reference") is not None:
        values.add_value(f"{key}.low_confidence_reference", percent(score["low_confidence_reference"], 1), source)
    if score["class_accuracy"] is not None:
        values.add_value(f"{key}.class_accuracy", percent(score["class_accuracy"], 1), source)


def _ratio(ratio: float) -> str:
    return number(ratio, 0 if ratio >= 10 else 1 if ratio >= 2 else 2)


def _check_course(score: Record, rows: Mapping[str, Record]) -> None:
    between = rows["noise"]["fd"] < score["fd"] < rows["blur"]["fd"]
    check_claim(between, "the course's digits lie between noisy and blurred real ones")
    precise = rows["blur"]["precision"] > rows["floor"]["precision"]
    check_claim(precise, "blurred images have the higher precision")
    uncovered = score["coverage"] < 0.9 * rows["floor"]["coverage"]
    check_claim(uncovered, "the course's digits cover less than real ones")
    check_claim(rows["100 repeated"]["recall"] == 0, "recall notices memorised images")
    check_claim(score["class_tv"] > 0.1, "the course's classes are imbalanced")
    costly = rows["no 1s"]["fd"] > 0.4 * score["fd"]
    check_claim(costly, "a missing class alone accounts for much of the distance")
    check_claim(rows["no 1s"]["class_tv"] < score["class_tv"], "the imbalance is larger than with one class missing")
    check_claim(0.8 < score["nearest_train_ratio"] < 1.2, "the course's digits are no copies")


def _check_residual(score: Mapping[str, Record]) -> None:
    course, residual = score["course"], score["residual"]
    check_claim(residual["fd"] < course["fd"] / 4, "recipe residual is several times closer to the test images")
    check_claim(residual["recall"] > course["recall"], "recipe residual has the higher recall")
    check_claim(residual["coverage"] > course["coverage"], "recipe residual has the higher coverage")
    if alone := score.get("residual-game"):
        check_claim(residual["recall"] > alone["recall"], "the Fréchet loss raises the recall of recipe residual")
        confirmed = residual["fd_second"] < alone["fd_second"]
        check_claim(confirmed, "the second classifier confirms the Fréchet loss of recipe residual")
    unconditional = score.get("residual-unconditional")
    most = unconditional is None or unconditional["fd"] < course["fd"] / 2
    check_claim(most, "most of the gain of recipe residual does not come from the classes")
