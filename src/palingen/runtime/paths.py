"""Folders the package reads from, and its cache."""

import hashlib
import os
import re
from pathlib import Path

PACKAGE_DIR = Path(__file__).resolve().parents[1]

PRETRAINED_DIR = PACKAGE_DIR / "pretrained"
"""Weights and scores shipped with the package."""

PRETRAINED_PREFIX = "pretrained:"
"""Beginning of a RUN argument that names a shipped network."""

PROJECT_DIR = PACKAGE_DIR.parents[1]
"""Project's folder, if the package is used from one; `runtime.project` tells."""


MAX_NAME = 150
"""Characters of a file's name, at most; file systems allow 255 bytes."""


def file_name(text: str) -> str:
    """Name of a file or folder after a text; a long one, or one in other letters than ASCII's, ends in its hash."""
    name = re.sub(r"[^A-Za-z0-9@.-]+", "-", text.replace("_", "-"))
    if len(name) > MAX_NAME or not text.isascii():
        name = f"{name[:MAX_NAME]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return name


def cache_folder() -> Path:
    """Folder of files that can be made again: `PALINGEN_CACHE`, or `palingen` in the user's cache."""
    if folder := os.environ.get("PALINGEN_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "palingen"
