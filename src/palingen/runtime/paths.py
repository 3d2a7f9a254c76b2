"""Folders the package reads from."""

from pathlib import Path

PACKAGE_DIR = Path(__file__).resolve().parents[1]

PRETRAINED_DIR = PACKAGE_DIR / "pretrained"
"""Weights and scores shipped with the package."""

PROJECT_DIR = PACKAGE_DIR.parents[1]
"""The checkout, if the package is used from one."""
