"""Checkpoint of an unfinished training: one file with everything to continue, which runs no code when it is read."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from palingen.runtime.atomic_io import write_atomically
from palingen.runtime.errors import DataError
from palingen.runtime.json_io import damaged, require_shape
from palingen.runtime.run_files import ADVICE

SHAPE = {
    "config": str, "execution": (dict, None), "records_bytes": int, "records_sha256": str,
    "step": int, "seconds": float,
}  # fmt: skip
"""Position of the training, and what its run folder adds: hash of the config, execution, length and hash of records."""


def write_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write tensors, numbers, strings and containers of them, atomically."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    write_atomically(path, buffer.getvalue())


def read_checkpoint(path: Path) -> dict[str, Any] | None:
    """State that a checkpoint holds; None if there is none.

    Raises:
        DataError: the checkpoint is damaged.
    """
    if not path.exists():
        return None
    try:
        _verify_archive(path)
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
        require_shape(state, SHAPE)
    except PermissionError:
        raise
    except Exception as error:  # zipfile and torch.load raise many types for a damaged file
        raise damaged(path, _first_line(error), ADVICE) from error
    return state


def restore(path: Path, parts: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Load the state of each part of a training from that of a checkpoint.

    Args:
        path: the checkpoint, for the message.
        parts: objects with a `load_state_dict`, by name.
        state: what the checkpoint holds.

    Raises:
        DataError: a part is missing, or does not fit.
    """
    for name, part in parts.items():
        try:
            part.load_state_dict(state[name])
        except Exception as error:  # every part refuses in its own way what does not fit
            raise damaged(path, f"{name} does not fit: {_first_line(error)}", ADVICE) from error


def non_finite(state: Any, name: str = "") -> str | None:
    """Name of a tensor in a nested state that holds NaN or infinity; None if there is none."""
    if isinstance(state, Mapping | list | tuple):
        items = state.items() if isinstance(state, Mapping) else enumerate(state)
        names = (non_finite(value, f"{name}.{key}".lstrip(".")) for key, value in items)
        return next(filter(None, names), None)
    is_float = isinstance(state, Tensor) and state.is_floating_point()
    return name if is_float and not state.isfinite().all() else None


def _verify_archive(path: Path) -> None:
    """Check the CRC-32 of every part of the archive, which torch does not, and that none grows when it is read."""
    with zipfile.ZipFile(path) as archive:
        size = sum(part.file_size for part in archive.infolist())
        if size > path.stat().st_size:
            raise DataError(f"it claims to hold {size:,} bytes")
        if part := archive.testzip():
            raise DataError(f"{part}: wrong CRC-32")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:120]
