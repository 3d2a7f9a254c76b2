"""Files of weights: safetensors that say which config they come from and, by their hash, whether they are whole."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as safetensors_bytes
from torch import Tensor

from palingen import __version__
from palingen.errors import RunError
from palingen.files import write_atomically


def save_weights(path: Path, tensors: Mapping[str, Tensor], config: Any) -> None:
    """Write `tensors` as safetensors, the config and the tensors' hash in the file's metadata."""
    held = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {
        "config": json.dumps({"kind": type(config).__name__, **asdict(config)}),
        "palingen": __version__,
        "sha256": _hash(held),
    }
    write_atomically(path, safetensors_bytes(held, metadata=metadata))


def load_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        RunError: the file is missing or damaged, or holds other tensors than its hash says.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
            expected = (file.metadata() or {}).get("sha256")
    except FileNotFoundError:
        raise RunError(f"{path}: missing (an unfinished run? the same train command again completes it)") from None
    except SafetensorError as error:
        raise RunError(f"{path}: damaged ({error})") from error
    if expected not in (None, _hash(tensors)):
        raise RunError(f"{path}: damaged (its SHA-256 is not that of its weights)")
    return tensors


def _hash(tensors: Mapping[str, Tensor]) -> str:
    """Names and bytes of all tensors, by name."""
    whole = hashlib.sha256()
    for name in sorted(tensors):
        whole.update(name.encode() + tensors[name].flatten().view(torch.uint8).numpy().tobytes())
    return whole.hexdigest()
