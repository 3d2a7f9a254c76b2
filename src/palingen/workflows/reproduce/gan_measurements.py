"""Measurements of the GANs: trainings, scores, interpolations, maximum latent norms, variants, and network sizes."""

from collections.abc import Iterator, Mapping

from palingen.report.record_files import Record
from palingen.report.records import GanRecords, Records
from palingen.report.results.gan import PLATEAU, STAGES, mean_accuracy, steps_between
from palingen.report.results.gan_scores import CONTROL_NAMES
from palingen.report.results.gan_variants import METRICS as VARIANT_METRICS
from palingen.report.results.gan_variants import group_variants
from palingen.report.values import format_setting
from palingen.workflows.reproduce.measurements import Measurement, measure_score

SCORE_METRICS = (
    *("fd", "fd_second", "kid", "precision", "recall", "density", "coverage", "class_tv", "mean_confidence"),
    *("low_confidence_fraction", "nearest_train_ratio", "class_accuracy"),
)
"""Metrics of a score in the report."""

NORM_METRICS = ("fd", "recall", "coverage", "class_accuracy", "low_confidence_fraction")

END_METRICS = ("real_accuracy", "fake_accuracy", "discriminator_loss", "seconds")
"""Metrics of a training's result."""

STACKED: Mapping[str, tuple[str, str]] = {
    "modes": ("images", "modes"),
    "reverse_kl": ("images", "reverse_kl"),
    "modes_floor": ("real digits", "modes"),
    "reverse_kl_floor": ("real digits", "reverse_kl"),
}
"""Group and metric of each number of the score of three digits at once."""


def measure_gans(records: Records) -> Iterator[Measurement]:
    """Measurements of all GANs."""
    for name, gan in {**records.gans, **records.gan_repeats}.items():
        yield from _measure_training(f"gan-{name}", gan)
        if gan.score:
            yield from measure_score(f"gan-{name}", "images", gan.score, SCORE_METRICS, gan.score["repeats"])
    if records.stacked:
        yield from _measure_training("gan-stacked", records.stacked)
        for field, (group, metric) in STACKED.items() if records.stacked.score else ():
            yield Measurement("gan-stacked", group, metric, {"": (records.stacked.score or {})[field]})
    for score in records.max_latent_norms:
        norm = score["max_latent_norm"]
        group = "no limit" if norm is None else f"at most {format_setting(norm)} √Z"
        yield from measure_score("max-latent-norm", group, score, NORM_METRICS, score["repeats"])
    yield from _measure_variants(records)


def measure_baselines(part: str, record: Record) -> Iterator[Measurement]:
    """Measurements of the scores of real images, intact and corrupted.

    Args:
        part: name of the part.
        record: content of baselines-test.json.
    """
    for name, row in record["rows"].items():
        yield from measure_score(part, CONTROL_NAMES.get(name, f"real, {name}"), row, SCORE_METRICS, record["subsets"])


def measure_interpolation(part: str, predictions: Mapping[str, Record]) -> Iterator[Measurement]:
    """Measurements of the interpolations of one generator.

    Args:
        part: its folder.
        predictions: content of its predictions.json.
    """
    for name, strip in predictions.items():
        classes, confidences = strip["classes"], strip["confidences"]
        changes = [number for number, label in enumerate(classes, 1) if label != classes[0]]
        metrics = {
            "first_class": classes[0],
            "last_class": classes[-1],
            "change": changes[0] if changes else len(classes),
            "lowest_confidence": min(confidences),
            "least_confident": confidences.index(min(confidences)) + 1,
        }
        for metric, value in metrics.items():
            yield Measurement(part, name, metric, {"": value})


def measure_summary(part: str, summary: Record) -> Iterator[Measurement]:
    """Parameters of every network.

    Args:
        part: name of the part.
        summary: content of model_summary.json.
    """
    for recipe, cells in summary["palindromes"].items():
        for cell, count in cells.items():
            title = "peephole LSTM" if cell == "peephole" else cell.upper()
            yield Measurement(part, f"{title}, recipe {recipe}", "parameters", {"": count})
    for recipe, networks in summary["gan"].items():
        for network in ("generator", "discriminator"):
            group = f"{network}, recipe {recipe}"
            yield Measurement(part, group, "parameters", {"": networks[f"{network}_weights"]})


def _measure_training(part: str, gan: GanRecords) -> Iterator[Measurement]:
    result, steps = gan.run.result, gan.run.of("step")
    for metric in END_METRICS:
        yield Measurement(part, "end of the training", metric, {"": result[metric]})
    if part != "gan-course" or not steps:
        return
    for epochs in (*STAGES.values(), *PLATEAU.values()):
        if steps_between(steps, epochs):
            group = f"epochs {epochs[0]} to {epochs[1]}"
            yield Measurement(part, group, "mean_accuracy", {"": mean_accuracy(steps, epochs)})
    lowest = min((record["real_accuracy"] + record["fake_accuracy"]) / 2 for record in steps)
    yield Measurement(part, "all epochs", "lowest_accuracy", {"": lowest})


def _measure_variants(records: Records) -> Iterator[Measurement]:
    for variant in group_variants(records.variants.runs) if records.variants else ():
        runs = {f"seed {run['seed']}": run for run in variant.runs}
        scores = {seed: run["score"] for seed, run in runs.items() if run["score"]}  # None: the run diverged
        for metric in VARIANT_METRICS:
            values = {seed: score[metric] for seed, score in scores.items()}
            yield Measurement("comparison", variant.name, metric, values)
        finished = {seed: float(seed in scores) for seed in runs}
        yield Measurement("comparison", variant.name, "finished", finished)
        seconds = {seed: runs[seed]["seconds"] for seed in scores}
        yield Measurement("comparison", variant.name, "seconds", seconds)
