"""Weights as safetensors, with the config and a hash of the tensors in the metadata."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialize
from torch import Tensor, nn

from palingen.runtime.atomic_io import write_atomically
from palingen.runtime.checkpoint import non_finite
from palingen.runtime.errors import RunError
from palingen.runtime.safetensors_header import MISSING

MAX_BYTES = 2**30
"""Largest file that is read; the largest of ours has a hundredth of it."""


def save_weights(path: Path, tensors: Mapping[str, Tensor], config: Any) -> None:
    """Write `tensors` with the config and their SHA-256 in the file's metadata, atomically."""
    # copies, since the file has no place for two names of one weight
    on_cpu = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    metadata = {
        "config": json.dumps({"kind": type(config).__name__, **asdict(config)}),
        "palingen": version("palingen"),
        "sha256": hash_tensors(on_cpu),
    }
    write_atomically(path, _sort_header(serialize(on_cpu, metadata=metadata)))


def load_weights(path: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file, by name.

    Raises:
        RunError: the file is missing or damaged, or its tensors are not finite or do not match their hash.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RunError(f"{path}: damaged (larger than {MAX_BYTES // 2**20} MB)")
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            expected = (file.metadata() or {}).get("sha256")
    except FileNotFoundError:
        raise RunError(f"{path}: {MISSING}") from None
    except SafetensorError as error:
        raise RunError(f"{path}: damaged ({error})") from error
    if expected not in (None, hash_tensors(tensors)):
        raise RunError(f"{path}: damaged (the SHA-256 does not match the tensors)")
    if name := non_finite(tensors):
        raise RunError(f"{path}: damaged ({name} holds NaN or infinity)")
    return tensors


def load_state(network: nn.Module, path: Path) -> None:
    """Load the weights of a safetensors file into a network; half precision becomes the network's.

    Raises:
        RunError: the file is missing or damaged, or holds the weights of another network.
    """
    try:
        network.load_state_dict(load_weights(path))
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise RunError(f"{path}: not the weights of this network ({reason[:200]})") from error


def hash_tensors(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the names and bytes of all tensors, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _sort_header(content: bytes) -> bytes:
    """Sort the metadata, which safetensors writes in random order, so that equal tensors give equal bytes."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    packed = json.dumps(header, separators=(",", ":")).encode()
    packed += b" " * (-len(packed) % 8)  # the format aligns the tensors to eight bytes
    return len(packed).to_bytes(8, "little") + packed + content[end:]
