"""Training of the GANs: settings, losses and the discriminator's accuracy; times and sizes of the other recipes."""

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import mean

from palingen.report.record_files import Record
from palingen.report.records import GanRecords, Records
from palingen.report.tables import Table
from palingen.report.values import ARITHMETIC, Values, check_claim, format_setting, number, percent

MODEL_SUMMARY = "runs/model_summary.json"

STAGES = {"opening": (0, 5), "early": (10, 20), "late": (100, 150), "last": (150, 200)}
"""Epochs over which the discriminator's accuracy is averaged."""

PLATEAU = {"plateau-start": (150, 160), "plateau-end": (190, 200)}
"""Epochs at both ends of the last stage."""

PLATEAU_DROP = 0.02
"""Difference in accuracy below which the curve has levelled off."""

ADDED_FIELDS = {"generator_output": "tanh", "output_gain": 1.0, "schedule": "cosine", "frechet_steps": None}
"""Fields that older configs lack, with the value that those runs were trained with."""

CHANCE_LOSS = 2 * math.log(2)
"""Discriminator loss of a discriminator that guesses, in nats."""


def add_values(values: Values, records: Records) -> None:
    """Add the numbers of the trainings."""
    values.add_value("chance.accuracy", percent(1 / 2), ARITHMETIC)
    values.add_value("chance.discriminator_loss", number(CHANCE_LOSS, 2), ARITHMETIC)
    values.add_value("chance.generator_loss", number(math.log(2), 2), ARITHMETIC)
    if course := records.gans.get("course"):
        _add_course(values, course)
        _add_stages(values, course)
        _add_end(values, course)
    for recipe, gan in records.gans.items():
        if recipe != "course":
            _add_recipe(values, recipe, gan)
            _add_minutes(values, recipe, [gan, *records.repeats_of(recipe)])
    for name, gan in records.gan_repeats.items():
        values.add_value(f"{name}.seed", format_setting(gan.run.config["seed"]), f"{gan.run.name}/config.json")
    summary = records.model_summary["gan"] if records.model_summary else {}
    for recipe, networks in summary.items():
        for network in ("generator", "discriminator"):
            values.add_value(f"parameters.{recipe}.{network}", number(networks[f"{network}_weights"]), MODEL_SUMMARY)


def check_claims(records: Records) -> None:
    """Check the statements on the training with the course's recipe; those without records are skipped.

    Raises:
        DataError: the records contradict one.
    """
    if not (course := records.gans.get("course")):
        return
    result, steps = course.run.result, course.run.of("step")
    distinguishes = min(result["real_accuracy"], result["fake_accuracy"]) > 0.6
    check_claim(distinguishes, "the discriminator still distinguishes real and generated images at the end")
    below_chance = result["discriminator_loss"] < CHANCE_LOSS - 0.2
    check_claim(below_chance, "the discriminator's loss is still below that of guessing at the end")
    accuracies = [mean_accuracy(steps, epochs) for epochs in STAGES.values() if steps_between(steps, epochs)]
    check_claim(
        accuracies == sorted(accuracies, reverse=True), "the discriminator's accuracy falls from stage to stage"
    )
    if all(steps_between(steps, epochs) for epochs in PLATEAU.values()):
        start, end = (mean_accuracy(steps, epochs) for epochs in PLATEAU.values())
        check_claim(0 <= start - end < PLATEAU_DROP, "the discriminator's accuracy levels off")


def settings_table(gans: Mapping[str, GanRecords]) -> Table | None:
    """Settings of the recipes for single digits."""
    rows = [[name, *(describe(gan) for gan in gans.values())] for name, describe in SETTINGS.items()]
    sources = [f"{gan.run.name}/config.json" for gan in gans.values()]
    sources += [gan.score_name for gan in gans.values() if gan.score and gan.score.get("max_latent_norm")]
    return Table(["setting", *gans], rows, ", ".join(sources)) if gans else None


def steps_between(steps: Sequence[Record], epochs: tuple[float, float]) -> list[Record]:
    """Records after the first and up to the second epoch."""
    return [record for record in steps if epochs[0] < record["epoch"] <= epochs[1]]


def mean_accuracy(steps: Sequence[Record], epochs: tuple[float, float]) -> float:
    """Mean accuracy of the discriminator on real and generated images between two epochs."""
    return mean((record["real_accuracy"] + record["fake_accuracy"]) / 2 for record in steps_between(steps, epochs))


def _add_course(values: Values, gan: GanRecords) -> None:
    config, environment = f"{gan.run.name}/config.json", f"{gan.run.name}/environment.json"
    for field in ("latent_dim", "epochs", "save_interval"):
        values.add_value(f"gan.{field}", format_setting(gan.run.config[field]), config)
    values.add_value("gan.minutes", number(gan.run.result["seconds"] / 60), f"{gan.run.name}/records.jsonl")
    if threads := gan.run.environment.get("threads"):
        values.add_value("gan.threads", format_setting(threads), environment)


def _add_stages(values: Values, gan: GanRecords) -> None:
    source, steps = f"{gan.run.name}/records.jsonl", gan.run.of("step")
    for digits, stages in ((0, STAGES), (1, PLATEAU)):
        for stage, (first, last) in stages.items():
            if steps_between(steps, (first, last)):
                values.add_value(f"gan.{stage}.from", format_setting(first), source)
                values.add_value(f"gan.{stage}.to", format_setting(last), source)
                values.add_value(f"gan.{stage}.accuracy", percent(mean_accuracy(steps, (first, last)), digits), source)
    if steps:
        lowest = min((record["real_accuracy"] + record["fake_accuracy"]) / 2 for record in steps)
        values.add_value("gan.lowest-accuracy", percent(lowest), source)


def _add_end(values: Values, gan: GanRecords) -> None:
    source, result = f"{gan.run.name}/records.jsonl", gan.run.result
    for kind in ("real", "fake"):
        values.add_value(f"gan.end.{kind}_accuracy", percent(result[f"{kind}_accuracy"]), source)
    values.add_value("gan.end.discriminator_loss", number(result["discriminator_loss"], 2), source)
    total_variation = result["real_accuracy"] + result["fake_accuracy"] - 1
    values.add_value("gan.end.total_variation", percent(total_variation), source)
    js_divergence = (CHANCE_LOSS - result["discriminator_loss"]) / 2
    values.add_value("gan.end.js_divergence", number(js_divergence, 2), source)


def _add_recipe(values: Values, recipe: str, gan: GanRecords) -> None:
    source = f"{gan.run.name}/records.jsonl"
    values.add_value(f"{recipe}.epochs", format_setting(gan.run.config["epochs"]), f"{gan.run.name}/config.json")
    if steps := gan.run.config.get("frechet_steps"):
        values.add_value(f"{recipe}.frechet_steps", format_setting(steps), f"{gan.run.name}/config.json")
    if (gain := {**ADDED_FIELDS, **gan.run.config}["output_gain"]) != 1:
        values.add_value(f"{recipe}.output_gain", format_setting(gain), f"{gan.run.name}/config.json")
    for kind in ("real", "fake"):
        values.add_value(f"{recipe}.end.{kind}_accuracy", percent(gan.run.result[f"{kind}_accuracy"]), source)


def _add_minutes(values: Values, recipe: str, gans: Sequence[GanRecords]) -> None:
    """Add the time of the quickest training of a recipe; the others may have run beside other work."""
    quickest = min((gan.run for gan in gans), key=lambda run: run.result["seconds"])
    minutes = number(quickest.result["seconds"] / 60)
    values.add_value(f"{recipe}.minutes", minutes, f"{quickest.name}/records.jsonl")


def _field(name: str) -> Callable[[GanRecords], str]:
    """Text of a config field; unset is `none`."""

    def describe(gan: GanRecords) -> str:
        value = {**ADDED_FIELDS, **gan.run.config}[name]
        if isinstance(value, bool):
            return "yes" if value else "no"
        if value is None:
            return "none"
        return value if isinstance(value, str) else format_setting(value)

    return describe


def _penalty_field(name: str) -> Callable[[GanRecords], str]:
    """Text of a config field that only matters with a penalty."""
    return lambda gan: _field(name)(gan) if gan.run.config["penalty"] else "none"


def _architecture(gan: GanRecords) -> str:
    architecture: str = gan.run.config["architecture"]
    return "fully connected" if architecture == "mlp" else architecture


def _max_latent_norm(gan: GanRecords) -> str:
    norm = (gan.score or {}).get("max_latent_norm")
    return "none" if norm is None else format_setting(norm)


def _schedule(gan: GanRecords) -> str:
    config = gan.run.config
    falls = config["lr_final_ratio"] != 1 or (config["penalty"] and config["penalty_weight_final_ratio"] != 1)
    return _field("schedule")(gan) if falls else "constant"


def _betas(gan: GanRecords) -> str:
    config = gan.run.config
    final = f" to {format_setting(config['beta2_final'])}" if config["beta2_final"] else ""
    return f"{format_setting(config['beta1'])}, {format_setting(config['beta2'])}{final}"


def _batchnorm_eps(gan: GanRecords) -> str:
    has_batchnorm = gan.run.config["architecture"] != "residual"
    return format_setting(gan.run.config["batchnorm_eps"]) if has_batchnorm else "no BatchNorm"


SETTINGS: Mapping[str, Callable[[GanRecords], str]] = {
    "networks": _architecture,
    "generator's output": _field("generator_output"),
    "output gain, sampling": _field("output_gain"),
    "class-conditional": _field("conditional"),
    "loss": _field("loss"),
    "gradient penalty": _field("penalty"),
    "penalty weight": _penalty_field("penalty_weight"),
    "penalty weight, final over first": _penalty_field("penalty_weight_final_ratio"),
    "latent dimensions Z": _field("latent_dim"),
    "maximum latent norm in √Z, sampling": _max_latent_norm,
    "batch size": _field("batch_size"),
    "epochs": _field("epochs"),
    "learning rate": _field("learning_rate"),
    "learning rate, final over first": _field("lr_final_ratio"),
    "schedule": _schedule,
    "last steps with a Fréchet loss": _field("frechet_steps"),
    "Adam's betas": _betas,
    "BatchNorm's eps": _batchnorm_eps,
    "EMA half-life, steps": _field("ema_half_life"),
    "training precision": _field("precision"),
}
"""Rows of the settings table: name, and text from a run."""
