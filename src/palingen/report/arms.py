"""What the report says of recipes against each other: arms, several seeds each, one budget.

A run whose loss was no longer a number has no score; it counts as a seed that did not end.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from palingen.report.values import Table, Values, general, listed, number, power

SOURCE = "runs/comparison/study.json"

Result = Mapping[str, Any]
Arms = Mapping[str, Sequence[Result]]

SMALL = 1e-3
"""Below it a setting is written as a power of ten."""

COURSE_LOSS = ("loss", "non-saturating")
"""No change to the course's recipe."""

SUSPECTS = {"schedule": {"learning_rate_decay", "warm_up", "beta2_end"}, "pair": {"pair"}}
"""Changes to the course's recipe, beside the loss, that the text asks for: settings that move on the way; networks."""

ALONE = {"the networks": SUSPECTS["pair"], "the loss": {"loss"}, "the schedule": SUSPECTS["schedule"]}
"""What the course's students suspect, in words, and the fields that are changed for it."""

SPEED = {"precision"}
"""Changes that may go with them: an arm of its own tells what they do."""


def arms(study: Sequence[Result]) -> dict[str, list[Result]]:
    """The runs by what they share, each seed once, in the order of their mean distance; what never ended comes last."""
    budget = _budget(study)
    grouped: dict[str, dict[int, Result]] = defaultdict(dict)
    for run in study:
        changes = {field: value for field, value in run["changes"].items() if (field, value) != COURSE_LOSS}
        words = [f"{field.replace('_', ' ')} {_plain(value)}" for field, value in changes.items()]
        name = " with ".join([run["recipe"], *([listed(words)] if words else [])])
        if run["epochs"] != budget:
            name += f", {run['epochs']} epochs"
        grouped[name][run["seed"]] = {**run, "changes": changes}
    found = {name: list(runs.values()) for name, runs in grouped.items()}
    return dict(sorted(found.items(), key=lambda arm: mean(_scores(arm[1], "fd") or [float("inf")])))


def scored(groups: Arms) -> dict[str, list[Result]]:
    """The same without what never ended."""
    ended = {name: [run for run in runs if run["score"]] for name, runs in groups.items()}
    return {name: runs for name, runs in ended.items() if runs}


def put(values: Values, study: Sequence[Result]) -> None:
    """Add the numbers of the comparison, if it has been run."""
    if not study:
        return
    groups = arms([run for run in study if run["epochs"] == _budget(study)])
    values.put("comparison.arms", general(len(groups)), SOURCE)
    values.put("comparison.seeds", general(min(len(runs) for runs in groups.values())), SOURCE)
    values.put("comparison.epochs", general(_budget(study)), SOURCE)
    values.put("comparison.stopped", general(sum(not run["score"] for runs in groups.values() for run in runs)), SOURCE)
    ended = scored(groups)
    named = _named(ended)
    for name, runs in named.items():
        values.put(f"comparison.{name}.fd", _with_spread(runs, "fd", 1), SOURCE)
    if "beta1" in named:
        values.put("comparison.beta1.to", general(named["beta1"][0]["changes"]["beta1"]), SOURCE)
    for key in named:
        if key.startswith("batch-"):
            values.put(f"comparison.{key}.to", general(named[key][0]["changes"]["batch_size"]), SOURCE)
    for key, one, other in (
        ("eps", "public-eps", "public-script"),
        ("betas", "public-eps", "course"),
        ("beta1", "beta1", "course"),
        ("penalised", "penalised", "course"),
        ("bfloat16", "bfloat16", "course"),
        ("batch-256", "batch-256", "course"),
        ("batch-1024", "batch-1024", "course"),
    ):
        if one in named and other in named:
            said = verdict(_scores(named[one], "fd"), _scores(named[other], "fd"))
            values.put(f"comparison.{key}.verdict", said, SOURCE)
    _losses(values, ended, named.get("course", []))
    for suspect, fields in SUSPECTS.items():
        _suspect(values, suspect, _alone(ended, fields), named.get("course", []))
    _side_by_side(values, ended)


def tables(study: Sequence[Result]) -> dict[str, Table]:
    """Every arm, mean and standard deviation over its seeds; none without a study."""
    if not study:
        return {}
    rows = []
    for name, runs in arms(study).items():
        ended = [run for run in runs if run["score"]]
        shown = [("fd", 1), ("recall", 2), ("coverage", 2), ("class_tv", 2), ("confidence", 2)]
        numbers = [_with_spread(ended, field, digits) if ended else "did not end" for field, digits in shown]
        rows.append([name, f"{len(ended)} of {len(runs)}", *numbers])
    head = ["arm", "ended", "FD", "recall", "coverage", "classes amiss", "sure"]
    return {"comparison": Table(head, rows, SOURCE)}


def verdict(one: Sequence[float], other: Sequence[float]) -> str:
    """Whether the seeds of one arm lie below those of another, in words."""
    if max(one) < min(other):
        return "below, with every seed"
    if min(one) > max(other):
        return "above, with every seed"
    return "not apart, since their seeds overlap"


def _alone(groups: Arms, fields: set[str]) -> Arms:
    """The arms that change of the course's recipe some of these fields and nothing else but for speed."""
    return {
        name: runs
        for name, runs in groups.items()
        if runs[0]["recipe"] == "course"
        and fields & set(runs[0]["changes"])
        and set(runs[0]["changes"]) <= fields | SPEED
    }


def _suspect(values: Values, suspect: str, found: Arms, course: Sequence[Result]) -> None:
    """The nearest of the arms that change one suspect alone, against the course; nothing if there is none."""
    for name, runs in list(found.items())[:1] if course else []:
        key = f"comparison.{suspect}"
        values.put(f"{key}.name", name, SOURCE)
        values.put(f"{key}.fd", _with_spread(runs, "fd", 1), SOURCE)
        values.put(f"{key}.verdict", verdict(_scores(runs, "fd"), _scores(course, "fd")), SOURCE)


def _side_by_side(values: Values, ended: Arms) -> None:
    """The nearest arm for each suspect alone, the nearest suspect first; nothing if one has none."""
    best = {words: runs for words, fields in ALONE.items() for runs in list(_alone(ended, fields).values())[:1]}
    if len(best) == len(ALONE):
        order = sorted(best, key=lambda words: mean(_scores(best[words], "fd")))
        told = [f"{words} ({_with_spread(best[words], 'fd', 1)})" for words in order]
        values.put("comparison.order", listed(told), SOURCE)


def _losses(values: Values, ended: Arms, course: Sequence[Result]) -> None:
    changed = {runs[0]["changes"].get("loss", "non-saturating"): runs for runs in ended.values()
               if runs[0]["recipe"] == "course" and set(runs[0]["changes"]) <= {"loss"}}  # fmt: skip
    if not changed or not course:
        return
    others = [runs for runs in changed.values() if runs[0]["changes"]]
    for place, name in (("best", next(iter(changed))), ("worst", list(changed)[-1])):
        values.put(f"comparison.loss.{place}", name, SOURCE)
        values.put(f"comparison.loss.{place}.fd", _with_spread(changed[name], "fd", 1), SOURCE)
    better = sum(max(_scores(runs, "fd")) < min(_scores(course, "fd")) for runs in others)
    values.put("comparison.loss.better", general(better), SOURCE)
    values.put("comparison.loss.others", general(len(others)), SOURCE)


def _named(groups: Arms) -> dict[str, Sequence[Result]]:
    """The arms that the text speaks of by name."""
    named = {}
    for runs in groups.values():
        recipe, changes = runs[0]["recipe"], set(runs[0]["changes"])
        if not changes:
            named[recipe] = runs
        elif recipe == "public-script" and changes == {"batchnorm_eps"}:
            named["public-eps"] = runs
        elif recipe == "course" and changes == {"beta1"}:
            named["beta1"] = runs
        elif recipe == "course" and changes == {"precision"}:
            named[runs[0]["changes"]["precision"]] = runs
        elif recipe == "course" and changes == {"batch_size"}:
            named[f"batch-{runs[0]['changes']['batch_size']}"] = runs
        elif recipe == "course" and changes >= {"loss", "penalty"}:
            named["penalised"] = runs
    return named


def _budget(study: Sequence[Result]) -> int:
    return Counter(run["epochs"] for run in study).most_common(1)[0][0]


def _scores(runs: Sequence[Result], field: str) -> list[float]:
    return [run["score"][field] for run in runs if run["score"]]


def _with_spread(runs: Sequence[Result], field: str, digits: int) -> str:
    found = _scores(runs, field)
    middle = number(mean(found), digits)
    return f"{middle} ± {number(stdev(found), digits)}" if len(found) > 1 else middle


def _plain(value: Any) -> str:
    if isinstance(value, bool | str):
        return str(value).lower()
    return power(value, 0) if isinstance(value, float) and 0 < abs(value) < SMALL else general(value)
