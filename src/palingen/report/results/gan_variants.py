"""Variants of GAN recipes against each other: the same budget, several seeds each.

A run that diverged has no score. It counts as a seed that did not finish.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from palingen.report.record_files import Record
from palingen.report.records import Records, StudyRecords
from palingen.report.tables import Table
from palingen.report.values import (
    Values,
    count_of,
    format_setting,
    join_list,
    mean_and_std,
)

LEVERS = {
    "networks": {"architecture"},
    "loss": {"loss"},
    "schedule": {"lr_final_ratio", "warmup_fraction", "beta2_final"},
}
"""Causes that the course's students suspect, and the fields that change each."""

SPEED = {"precision"}
"""Fields that may change along with them; a variant of its own shows what they do."""

NAMED = {
    "beta1": ("course", {"beta1"}),
    "bfloat16": ("course", {"precision"}),
    "public-eps": ("public-script", {"batchnorm_eps"}),
}
"""Variants that the text names: recipe and overridden fields."""

CONVERGENT = {"loss", "penalty", "beta1", "ema_half_life"}
"""Fields of the variant whose training converges."""

COMPARED = {
    "eps": ("public-eps", "public-script"),
    "betas": ("public-eps", "course"),
    "beta1": ("beta1", "course"),
    "penalized": ("penalized", "course"),
    "bfloat16": ("bfloat16", "course"),
    "batch-256": ("batch-256", "course"),
    "batch-1024": ("batch-1024", "course"),
}
"""Pairs of variants that the text compares."""

METRICS = {"fd": 1, "recall": 2, "coverage": 2, "class_tv": 2, "mean_confidence": 2}
"""Metrics of the table, and their decimals."""

TITLES = {"fd": "FD", "recall": "recall", "coverage": "coverage", "class_tv": "class imbalance",
          "mean_confidence": "confidence"}  # fmt: skip


@dataclass(frozen=True)
class VariantRuns:
    """Runs of one variant: a recipe with overrides and a budget, one run a seed."""

    name: str
    recipe: str
    overrides: Mapping[str, Any]
    """Config fields that differ from the recipe."""

    epochs: int
    runs: Sequence[Record]

    @property
    def finished(self) -> list[Record]:
        """Runs that did not diverge."""
        return [run for run in self.runs if run["score"]]

    def scores(self, metric: str) -> list[float]:
        """One metric of all finished runs."""
        return [run["score"][metric] for run in self.finished]

    @property
    def mean_fd(self) -> float:
        """Mean Frechet distance; infinite if no run finished."""
        return mean(self.scores("fd")) if self.finished else float("inf")

    @property
    def fd(self) -> str:
        """Frechet distance, mean and standard deviation, as text."""
        return mean_and_std(self.scores("fd"), 1)

    def overrides_only(self, fields: set[str]) -> bool:
        """Whether this is recipe course with some of `fields` overridden, and nothing else but what is for speed."""
        return self.recipe == "course" and bool(fields & set(self.overrides)) and set(self.overrides) <= fields | SPEED


def group_variants(results: Sequence[Record]) -> list[VariantRuns]:
    """Runs of a study by variant, the lowest mean Frechet distance first and variants without a finished run last."""
    budget = most_common_epochs(results)
    groups: dict[tuple[str, int], dict[int, Record]] = {}
    for result in results:
        groups.setdefault((_name(result), result["epochs"]), {})[result["seed"]] = result
    variants = []
    for (name, epochs), by_seed in groups.items():
        runs = list(by_seed.values())
        shown_name = name if epochs == budget else f"{name}, {epochs} epochs"
        variants.append(VariantRuns(shown_name, runs[0]["recipe"], runs[0]["overrides"], epochs, runs))
    return sorted(variants, key=lambda variant: variant.mean_fd)


def most_common_epochs(results: Sequence[Record]) -> int:
    """Budget of most runs, in epochs."""
    return Counter(result["epochs"] for result in results).most_common(1)[0][0]


def add_values(values: Values, records: Records) -> None:
    """Add the numbers of the study, if there is one."""
    if not (study := records.variants):
        return
    budget = most_common_epochs(study.runs)
    groups = [variant for variant in group_variants(study.runs) if variant.epochs == budget]
    diverged = sum(len(variant.runs) - len(variant.finished) for variant in groups)
    values.add_value("variants.count", format_setting(len(groups)), study.name)
    values.add_value("variants.seeds", format_setting(min(len(variant.runs) for variant in groups)), study.name)
    values.add_value("variants.epochs", format_setting(budget), study.name)
    values.add_value("variants.diverged", format_setting(diverged), study.name)
    if (course := records.gans.get("course")) and budget < course.run.config["epochs"]:
        values.add_value("variants.early.epochs", format_setting(budget), study.name)
    finished = [variant for variant in groups if variant.finished]
    named = {name: variant for variant in finished if (name := _role(variant))}
    for name, variant in named.items():
        values.add_value(f"variants.{name}.fd", variant.fd, study.name)
        for field in {"beta1", "batch_size"} & set(variant.overrides) if len(variant.overrides) == 1 else ():
            values.add_value(f"variants.{name}.{field}", format_setting(variant.overrides[field]), study.name)
    for key, (one, other) in COMPARED.items():
        if one in named and other in named:
            comparison = compare_seeds(named[one].scores("fd"), named[other].scores("fd"))
            values.add_value(f"variants.{key}.comparison", comparison, study.name)
    if "course" in named:
        _add_losses(values, study.name, finished, named["course"])
        _add_levers(values, study.name, finished, named["course"])


def variants_table(study: StudyRecords | None) -> Table | None:
    """Scores of every variant, mean and standard deviation over its seeds."""
    if study is None:
        return None
    rows = []
    for variant in group_variants(study.runs):
        metrics = [
            mean_and_std(variant.scores(metric), digits) if variant.finished else "diverged"
            for metric, digits in METRICS.items()
        ]
        rows.append([variant.name, count_of(len(variant.finished), len(variant.runs)), *metrics])
    return Table(["variant", "finished", *TITLES.values()], rows, study.name)


def compare_seeds(one: Sequence[float], other: Sequence[float]) -> str:
    """Whether all seeds of one variant lie below or above all seeds of another, as text."""
    if max(one) < min(other):
        return "lower with every seed"
    if min(one) > max(other):
        return "higher with every seed"
    return "not distinguishable, since the seeds overlap"


def _name(result: Record) -> str:
    """Recipe and overrides as text."""
    overrides = [f"{field.replace('_', ' ')} {_plain(value)}" for field, value in result["overrides"].items()]
    return f"{result['recipe']} with {join_list(overrides)}" if overrides else str(result["recipe"])


def _role(variant: VariantRuns) -> str | None:
    """Name under which the text speaks of a variant; None if it does not."""
    fields = set(variant.overrides)
    if not fields:
        return variant.recipe
    if variant.recipe == "course" and fields >= CONVERGENT and variant.overrides["penalty"] == "r1-r2":
        return "penalized" if variant.overrides["loss"] == "relativistic" else None
    if variant.recipe == "course" and fields == {"batch_size"}:
        return f"batch-{variant.overrides['batch_size']}"
    return next((name for name, override in NAMED.items() if override == (variant.recipe, fields)), None)


def _add_losses(values: Values, source: str, variants: Sequence[VariantRuns], course: VariantRuns) -> None:
    """Add the best and the worst loss with the course's networks, and how many are better than the course's own."""
    others = [variant for variant in variants if variant.recipe == "course" and set(variant.overrides) == {"loss"}]
    if not others:
        return
    ranked = sorted([*others, course], key=lambda variant: variant.mean_fd)
    for rank, variant in (("best", ranked[0]), ("worst", ranked[-1])):
        values.add_value(f"variants.loss.{rank}", variant.overrides.get("loss", "non-saturating"), source)
        values.add_value(f"variants.loss.{rank}.fd", variant.fd, source)
    better = sum(max(variant.scores("fd")) < min(course.scores("fd")) for variant in others)
    values.add_value("variants.loss.better", format_setting(better), source)
    values.add_value("variants.loss.others", format_setting(len(others)), source)


def _add_levers(values: Values, source: str, variants: Sequence[VariantRuns], course: VariantRuns) -> None:
    """Add the best variant that changes each suspected cause alone, and the order of the causes if all were tried."""
    best: dict[str, VariantRuns] = {}
    for lever, fields in LEVERS.items():
        if variant := next((variant for variant in variants if variant.overrides_only(fields)), None):
            best[lever] = variant
            comparison = compare_seeds(variant.scores("fd"), course.scores("fd"))
            values.add_value(f"variants.{lever}-alone.name", variant.name, source)
            values.add_value(f"variants.{lever}-alone.fd", variant.fd, source)
            values.add_value(f"variants.{lever}-alone.comparison", comparison, source)
    if len(best) == len(LEVERS):
        ranked = sorted(best.items(), key=lambda item: item[1].mean_fd)
        order = join_list([f"the {lever} ({variant.fd})" for lever, variant in ranked])
        values.add_value("variants.levers.order", order, source)


def _plain(value: Any) -> str:
    if isinstance(value, bool | str) or value is None:
        return str(value).lower()
    return format_setting(value)
