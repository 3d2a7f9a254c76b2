"""Differences of two runs or studies: settings, environment and results."""

from collections.abc import Mapping
from typing import Any

from palingen.workflows.run_overview.recipe_values import complete_config
from palingen.workflows.run_overview.summary import Summary

Difference = dict[str, tuple[Any, Any]]
"""Both values by name; None where one has no such value."""


def compare(first: Summary, second: Summary) -> dict[str, Difference]:
    """Settings, environment and results in which two runs or studies differ.

    Args:
        first: a run or a study.
        second: another one.

    Returns:
        `settings`, `environment` and `results`, each with both values by name; empty where they agree.
    """
    return {
        "settings": _differences(_settings(first), _settings(second)),
        "environment": _differences(first.environment, second.environment),
        "results": _differences(_results(first), _results(second)),
    }


def _settings(summary: Summary) -> dict[str, Any]:
    """Config, or what a study without a config of its own varies; with the kind."""
    config = {name: value for name, value in complete_config(summary.config).items() if name != "kind"}
    return {"kind": summary.kind, **(config or summary.overrides)}


def _results(summary: Summary) -> dict[str, Any]:
    """State and progress, and numbers as `result accuracy` or `lstm T=5 seed 0 accuracy`."""
    numbers = {
        f"{record} {name}": value
        for record, values in summary.numbers.items()
        for name, value in _flatten(values).items()
        if not (record == "result" and (name in summary.environment or name in summary.config))  # compared above
    }
    return {"state": summary.state, "done": summary.done, **numbers}


def _flatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers and texts, nested ones as `score.fd`; the rows of controls are left out."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and name != "rows":
            flat |= {f"{name}.{inner}": number for inner, number in _flatten(value).items()}
        elif not isinstance(value, list | Mapping):
            flat[name] = value
    return flat


def _differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> Difference:
    names = dict.fromkeys([*first, *second])
    pairs = {name: (first.get(name), second.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
