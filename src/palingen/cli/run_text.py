"""Texts about runs, as lists and details show them."""

import time
from collections.abc import Mapping
from typing import Any

from palingen.runtime.durations import duration_text
from palingen.runtime.number_text import number_text
from palingen.runtime.user_code import shorten_hash
from palingen.workflows.run_overview import Summary

STYLES = {"finished": "green", "unfinished": "yellow", "damaged": "red", "foreign": "dim"}
"""Style of the progress by state."""

MAX_SETTING_LENGTH = 60
"""Longest setting that a list shows in full; a damaged file may hold anything."""

FORMATS: Mapping[str, str] = {
    "accuracy": "accuracy {:.2%}",
    "test_accuracy": "test accuracy {:.1%}",
    "real_accuracy": "real {:.0%}",
    "fake_accuracy": "fake {:.0%}",
    "fd": "FD {:.1f}",
    "recall": "recall {:.2f}",
    "validation_fd": "validation FD {:.1f}",
    "validation_recall": "recall {:.2f}",
    "modes": "{} modes",
    "monitor_fd": "monitored FD {:.1f}",
    "monitor_modes": "monitored {} modes",
    "lowest_fd": "lowest FD {:.1f}",
    "diverged": "{} diverged",
}
"""Text of each number of a result; the loss of a run with an accuracy is left to its details."""

UNITS = ((2**30, "GB"), (2**20, "MB"), (2**10, "kB"))


def settings_text(summary: Summary) -> str:
    """Kind, recipe, and what differs from it, as in `palindrome memory: length 200, no curriculum-threshold`."""
    texts = [setting_text(name, value) for name, value in summary.overrides.items()]
    settings = ", ".join(
        text if len(text) <= MAX_SETTING_LENGTH else f"{text[: MAX_SETTING_LENGTH - 3]}..." for text in texts
    )
    return " ".join(filter(None, (summary.kind, summary.recipe))) + (f": {settings}" if settings else "")


def setting_text(name: str, value: Any) -> str:
    """Name and value of a setting or a number, named like the flag: `batch-size 64`, `no penalty`, `conditional`."""
    label = value_text(name).replace("_", "-")
    if value is None or value is False:
        return f"no {label}"
    return label if value is True else f"{label} {value_text(value)}"


def value_text(value: Any) -> str:
    """Value as text without control characters."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number_text(value, digits=4)
    if isinstance(value, list) and value and all(isinstance(item, int) for item in value):
        consecutive = len(value) > 2 and value == list(range(value[0], value[-1] + 1))
        return f"{value[0]} to {value[-1]}" if consecutive else " ".join(map(number_text, value))
    text = " ".join(map(str, value)) if isinstance(value, list) else shorten_hash(str(value))
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def progress_text(summary: Summary) -> str:
    """State, or how much of it is done."""
    if summary.state in ("damaged", "foreign"):
        return summary.state
    if summary.is_study:
        return (
            f"{summary.done:.0f} of {summary.total} runs" if summary.done != summary.total else f"{summary.total} runs"
        )
    if summary.state == "finished":
        return "finished"
    return f"epoch {summary.done:.3g} of {summary.total}"


def problems_text(summary: Summary) -> str:
    """Reasons why a folder is damaged or foreign."""
    return value_text("; ".join(summary.problems))


def result_text(summary: Summary) -> str:
    """Most important numbers."""
    result = summary.result
    if "stopped" in result:
        return "diverged"
    texts = []
    if "lowest_accuracy" in result:
        lowest, highest = (f"{100 * result[f'{end}_accuracy']:.1f}" for end in ("lowest", "highest"))
        texts.append(f"accuracy {lowest} %" if lowest == highest else f"accuracy {lowest} to {highest} %")
    texts += [FORMATS[name].format(value).replace("%", " %") for name, value in result.items() if name in FORMATS]
    return ", ".join(texts)


def age_text(summary: Summary) -> str:
    """Time since the last change."""
    return duration_text(max(0.0, time.time() - summary.modified), coarse=True)


def size_text(size: int) -> str:
    """Bytes in a readable unit."""
    for factor, unit in UNITS:
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} B"
