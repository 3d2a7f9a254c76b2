"""Device, threads and subnormal numbers: how a run is computed, which is not part of the experiment."""

from dataclasses import dataclass

import torch

from palingen.runtime.errors import PalingenError
from palingen.runtime.validation import quote, require

DEVICE_TYPES = ("cpu", "cuda", "mps")


@dataclass(frozen=True)
class Execution:
    """Resolved engine and numeric settings of a run. Another execution gives the same results only up to rounding."""

    engine: str
    """Implementation that `auto` resolved to."""

    threads: int
    """Threads of torch's operations."""

    flush_denormal: bool
    """Whether subnormal numbers are flushed to zero."""

    device: str = "cpu"
    """Type of the device."""

    processes: int = 1
    """Processes that train together; BatchNorm takes its statistics in each."""


def select_device(name: str = "auto") -> torch.device:
    """Device called `name`; `auto` prefers CUDA, then Apple's GPU, then the CPU.

    Raises:
        PalingenError: the device is unavailable.
    """
    require("device", name, isinstance(name, str), "must be text")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        require("device", name, device.type in DEVICE_TYPES, f"must be one of auto, {', '.join(DEVICE_TYPES)}")
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise PalingenError(f"device {quote(name)} is unavailable ({str(error).splitlines()[0]})") from error
    return device


def configure_numerics() -> None:
    """Flush subnormal numbers to zero, for the whole process.

    Vanishing gradients become subnormal, and those slow down a CPU's backward pass about fifteen-fold (T = 200).
    """
    torch.set_flush_denormal(True)


def as_device(device: torch.device | str | None) -> torch.device:
    """Device of an argument: the CPU by default, or by its name.

    Raises:
        PalingenError: the device is unavailable.
    """
    if isinstance(device, torch.device):
        return device
    return select_device("cpu" if device is None else device)


def current_execution(engine: str, device: torch.device, processes: int = 1) -> Execution:
    """Numeric settings of this process, with the given engine and device."""
    return Execution(engine, torch.get_num_threads(), _flushes_denormal(), device.type, processes)


def _flushes_denormal() -> bool:
    """Probe the CPU, since torch has a setter but no getter."""
    return float(torch.full((), 1e-40) * torch.ones(())) == 0.0
