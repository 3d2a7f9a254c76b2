"""Configs as JSON: their hash, and parsing them back."""

import hashlib
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from palingen.runtime.errors import RunError
from palingen.runtime.user_code import require_hashes

Config = TypeVar("Config")

OLD_ENDING = "Run"
"""Ending of every `kind` before the fields had their present names."""


def config_hash(config: Any) -> str:
    """Eight hexadecimal digits that identify a config."""
    return hashlib.sha256(json.dumps(asdict(config), sort_keys=True).encode()).hexdigest()[:8]


def describe_config(config: Any) -> str:
    """Fields of a config that differ from the defaults, as text."""
    changed = {field.name: value for field in fields(config) if (value := getattr(config, field.name)) != field.default}
    return ", ".join(f"{name}={value!r}" for name, value in changed.items()) or "default settings"


def parse_config(values: Any, kind: type[Config], source: Path) -> Config:
    """Config of class `kind` from JSON values.

    Raises:
        RunError: the values are of another kind, of an older version, or invalid; names `source`.
    """
    name = values.get("kind") if isinstance(values, dict) else None
    if str(name).endswith(OLD_ENDING):
        raise RunError(f"{source}: written by an older version of palingen, which this one cannot read; train again")
    if name != kind.__name__:
        raise RunError(f"{source}: holds a {name or 'file without a kind'}, not a {kind.__name__}")
    require_hashes(values, kind, source)
    try:
        return kind(**{field: value for field, value in values.items() if field != "kind"})
    except (TypeError, ValueError) as error:
        raise RunError(f"{source}: {error}") from error


def describe_changes(before: Any, now: Any) -> str:
    """Fields in which two dataclasses of one type differ, as text."""
    return "; ".join(
        f"{field.name}={getattr(now, field.name)!r}, was {getattr(before, field.name)!r}"
        for field in fields(now)
        if getattr(before, field.name) != getattr(now, field.name)
    )
