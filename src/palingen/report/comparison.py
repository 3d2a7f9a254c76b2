"""What the report says of recipes against each other: arms, several seeds each, one budget."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from palingen.report.values import Table, Values, claim, general, listed, number, power

SOURCE = "runs/comparison/study.json"

Result = Mapping[str, Any]

SMALL = 1e-3
"""Below it a setting is written as a power of ten."""

COURSE_LOSS = ("loss", "non-saturating")
"""No change to the course's recipe."""

SCHEDULE = ("learning_rate_decay", "warm_up", "beta2_end")
"""Settings that change on the way."""


def arms(study: Sequence[Result]) -> dict[str, list[Result]]:
    """The runs by what they share, in the order of their mean distance."""
    grouped: dict[str, dict[int, Result]] = defaultdict(dict)
    for run in study:
        changes = {field: value for field, value in run["changes"].items() if (field, value) != COURSE_LOSS}
        words = [f"{field.replace('_', ' ')} {_plain(value)}" for field, value in changes.items()]
        grouped[" with ".join([run["recipe"], *([listed(words)] if words else [])])][run["seed"]] = {
            **run,
            "changes": changes,
        }
    found = {name: list(runs.values()) for name, runs in grouped.items()}
    return dict(sorted(found.items(), key=lambda arm: _mean(arm[1], "fd")))


def put(values: Values, study: Sequence[Result]) -> None:
    """Add the numbers of the comparison, if it has been run."""
    if not study:
        return
    groups = arms(study)
    values.put("comparison.arms", general(len(groups)), SOURCE)
    values.put("comparison.seeds", general(min(len(runs) for runs in groups.values())), SOURCE)
    values.put("comparison.epochs", general(study[0]["epochs"]), SOURCE)
    claim(len({run["epochs"] for run in study}) == 1, "all arms of the comparison had the same epochs")
    losses = {name: runs for name, runs in groups.items() if set(runs[0]["changes"]) <= {"loss"}
              and runs[0]["recipe"] == "course"}  # fmt: skip
    by_loss = {runs[0]["changes"].get("loss", "non-saturating"): runs for runs in losses.values()}
    _extremes(values, "comparison.loss", by_loss)
    for name, arm in _named(groups).items():
        values.put(f"comparison.{name}.fd", _with_spread(arm, "fd", 1), SOURCE)
        values.put(f"comparison.{name}.recall", _with_spread(arm, "recall", 2), SOURCE)
        values.put(f"comparison.{name}.coverage", _with_spread(arm, "coverage", 2), SOURCE)
    named = {name: [run["score"]["fd"] for run in arm] for name, arm in _named(groups).items()}
    for key, one, other in (("eps", "public-eps", "public-script"), ("betas", "public-eps", "course")):
        if one in named and other in named:
            values.put(f"comparison.{key}.verdict", verdict(named[one], named[other]), SOURCE)
    if "course" in named:
        course = [arm for arm in losses.values() if arm[0]["changes"].get("loss")]
        better = sum(max(run["score"]["fd"] for run in arm) < min(named["course"]) for arm in course)
        values.put("comparison.loss.better", general(better), SOURCE)
        values.put("comparison.loss.others", general(len(course)), SOURCE)
    scheduled = any(set(run["changes"]) & set(SCHEDULE) for run in study)
    values.put("comparison.schedule", "has" if scheduled else "has no", SOURCE)


def tables(study: Sequence[Result]) -> dict[str, Table]:
    """Every arm, mean and standard deviation over its seeds; none without a study."""
    if not study:
        return {}
    rows = [
        [
            name,
            general(len(runs)),
            *(_with_spread(runs, field, digits) for field, digits in (("fd", 1), ("recall", 2), ("coverage", 2))),
            _with_spread(runs, "class_tv", 2),
            number(mean(run["seconds"] for run in runs)),
        ]
        for name, runs in arms(study).items()
    ]
    return {"comparison": Table(["arm", "seeds", "FD", "recall", "coverage", "classes amiss", "seconds"], rows, SOURCE)}


def _named(groups: Mapping[str, list[Result]]) -> dict[str, list[Result]]:
    """The arms that the text speaks of by name."""
    named = {}
    for runs in groups.values():
        recipe, changes = runs[0]["recipe"], set(runs[0]["changes"])
        if not changes:
            named[recipe] = runs
        elif recipe == "public-script" and changes == {"batchnorm_eps"}:
            named["public-eps"] = runs
    return named


def _extremes(values: Values, key: str, groups: Mapping[str, list[Result]]) -> None:
    if not groups:
        return
    best, *_, worst = [*groups, *groups]
    values.put(f"{key}.best", best, SOURCE)
    values.put(f"{key}.best.fd", _with_spread(groups[best], "fd", 1), SOURCE)
    values.put(f"{key}.worst", worst, SOURCE)
    values.put(f"{key}.worst.fd", _with_spread(groups[worst], "fd", 1), SOURCE)


def verdict(one: Sequence[float], other: Sequence[float]) -> str:
    """Whether the seeds of one arm lie below those of another, in words."""
    if max(one) < min(other):
        return "below, every seed of it"
    if min(one) > max(other):
        return "above, every seed of it"
    return "not apart: their seeds overlap"


def _mean(runs: Sequence[Result], field: str) -> float:
    return mean(run["score"][field] for run in runs)


def _with_spread(runs: Sequence[Result], field: str, digits: int) -> str:
    found = [run["score"][field] for run in runs]
    return (
        f"{number(mean(found), digits)} ± {number(stdev(found), digits)}"
        if len(found) > 1
        else number(found[0], digits)
    )


def _plain(value: Any) -> str:
    if isinstance(value, bool | str):
        return str(value).lower()
    return power(value, 0) if isinstance(value, float) and 0 < abs(value) < SMALL else general(value)
