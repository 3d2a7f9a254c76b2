"""Record files: JSON, JSON lines and arrays, with one-line errors that name the file.

Reads without the training code, which needs torch.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Shaped
from numpy import ndarray

from palingen.runtime.errors import DataError

Record = Mapping[str, Any]

KEYS = {
    "PalindromeConfig": ("cell", "length", "seed", "accuracy", "loss", "epoch", "seconds"),
    "GanConfig": ("epochs", "seconds", "generator_loss", "discriminator_loss", "real_accuracy", "fake_accuracy"),
    "palindrome study": ("cell", "length", "seed", "accuracy", "steps", "seconds"),
    "gan study": ("recipe", "overrides", "seed", "epochs", "seconds", "score"),
    "score": (
        *("n", "fd", "fd_second", "kid", "precision", "recall", "density", "coverage", "class_tv", "mean_confidence"),
        *(
            "low_confidence_fraction",
            "nearest_train_ratio",
            "class_accuracy",
            "fd_floor",
            "fd_floor_std",
            "floor_subsets",
        ),
    ),
    "stacked score": ("n", "modes", "reverse_kl", "modes_floor", "reverse_kl_floor"),
    "analysis": ("label", "cell", "digits", "gates", "untrained", "trained"),
}
"""Keys that the report needs: of the result of a run (by its config), of a study, of a score, of an analysis."""


def read_json(path: Path) -> Any:
    """Content of a JSON file.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def read_optional(path: Path) -> Any:
    """Content of a JSON file; None if there is no such file.

    Raises:
        DataError: the file is damaged.
    """
    return read_json(path) if path.exists() else None


def read_json_lines(path: Path) -> list[Record]:
    """Records of a file with one JSON object a line.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        return [json.loads(line) for line in path.read_text().splitlines()]
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def read_array(path: Path) -> Shaped[ndarray, "..."]:
    """Array of a NumPy file.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        array: Shaped[ndarray, "..."] = np.load(path)
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error
    return array


def read_shipped_config(weights: Path) -> Record | None:
    """Config in the header of a safetensors file; None if there is no such file."""
    try:
        with weights.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    except OSError:
        return None
    config: Record = json.loads(header["__metadata__"]["config"])
    return config


def read_score(path: Path, kind: Literal["score", "stacked score"]) -> Record | None:
    """Content of a score.json; None if there is no such file.

    Raises:
        DataError: the file is damaged, or made by another version.
    """
    score = read_optional(path)
    if score is not None:
        require_keys(path, score, kind)
    return score


def require_keys(path: Path, record: Record, kind: str) -> None:
    """Check that a record has all keys of its kind.

    Raises:
        DataError: one is missing.
    """
    missing = [key for key in KEYS[kind] if key not in record]
    if missing:
        raise DataError(f"{path}: a record lacks {', '.join(missing)}. Make it again with this version.")


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: missing or damaged ({error}). Make the run again.")
