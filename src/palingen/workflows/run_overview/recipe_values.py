"""Recipes as plain values, and which of them a config is closest to.

Reads without torch: the recipes' configs need it, so their values are computed once and then cached.
"""

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from palingen.runtime.atomic_io import write_json
from palingen.runtime.errors import PalingenError
from palingen.runtime.json_io import read_json
from palingen.runtime.paths import PACKAGE_DIR, cache_folder

RecipeValues = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Fields by kind of config and name of the recipe."""

SOURCES = (
    "workflows/run_overview/recipe_values.py",
    "recipes.py",
    "recurrence/config.py",
    "gan/config.py",
    "gan/evaluation/classifier_training.py",
)
"""Files that determine the values; a change of one makes a new cache file."""

DEFAULTS = ""
"""Name under which the values of each kind hold the defaults of its fields."""

RECIPE_FLAG = re.compile(r"--recipe[ =](\S+)")


def recipe_values() -> RecipeValues:
    """Fields of every recipe. The first call after a change of the recipes takes a second, to import torch."""
    sources = b"".join((PACKAGE_DIR / name).read_bytes() for name in SOURCES)
    path = cache_folder() / f"recipes-{hashlib.sha256(sources).hexdigest()[:16]}.json"
    values: RecipeValues
    with suppress(PalingenError, OSError):
        values = read_json(path, {...: {...: dict}})
        return values
    values = _compute_values()
    with suppress(OSError):  # a cache that cannot be written only costs time
        write_json(path, values)
    return values


def closest_recipe(config: Mapping[str, Any], command: object = None) -> tuple[str | None, dict[str, Any]]:
    """Recipe of a config, and the fields in which the config differs from it.

    Args:
        config: fields, with the `kind` of their config.
        command: command that made the run.

    Returns:
        Name of the recipe, None if there is none for this kind: one that the config equals, else the one that the
        command names, else the most similar; and the fields that differ, with their values.
    """
    recipes = {**recipe_values().get(config.get("kind", ""), {})}
    recipes.pop(DEFAULTS, None)
    fields = {name: value for name, value in config.items() if name != "kind"}
    overrides = {
        recipe: {name: value for name, value in fields.items() if name not in values or values[name] != value}
        for recipe, values in recipes.items()
    }
    if not overrides:
        return None, {}
    flag = RECIPE_FLAG.search(str(command or ""))
    named = flag[1] if flag else None
    recipe = min(overrides, key=lambda name: (bool(overrides[name]), name != named, len(overrides[name])))
    return recipe, overrides[recipe]


def complete_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Config with the defaults of those fields that an older version did not have yet."""
    return {**recipe_values().get(config.get("kind", ""), {}).get(DEFAULTS, {}), **config}


def _compute_values() -> RecipeValues:
    from palingen import recipes  # imports torch

    registries: tuple[Mapping[str, Any], ...] = (recipes.PALINDROME, recipes.GAN, recipes.CLASSIFIER)
    return {
        (kind := type(next(iter(registry.values())))).__name__: {
            DEFAULTS: asdict(kind()),
            **{name: asdict(config) for name, config in registry.items()},
        }
        for registry in registries
    }
