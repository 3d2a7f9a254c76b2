"""Folders the package reads from, and its cache."""

import os
from pathlib import Path

PACKAGE_DIR = Path(__file__).resolve().parents[1]

PRETRAINED_DIR = PACKAGE_DIR / "pretrained"
"""Weights and scores shipped with the package."""

PRETRAINED_PREFIX = "pretrained:"
"""Beginning of a RUN argument that names a shipped network."""

PROJECT_DIR = PACKAGE_DIR.parents[1]
"""Project's folder, if the package is used from one; `runtime.project` tells."""


def cache_folder() -> Path:
    """Folder of files that can be made again: `PALINGEN_CACHE`, or `palingen` in the user's cache."""
    if folder := os.environ.get("PALINGEN_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "palingen"
