"""State of torch's global random generators, from which users' parts draw, as dropout does."""

from contextlib import AbstractContextManager
from typing import Any

import torch


def kept_random_state() -> AbstractContextManager[None]:
    """Leave the caller's random numbers as they are, although a network is built from a seed inside."""
    return torch.random.fork_rng(devices=range(torch.cuda.device_count()))


class GlobalRandomState:
    """Global generator of the CPU, and of the device that a training runs on.

    Args:
        device: the device.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def state_dict(self) -> dict[str, Any]:
        """State of each generator, by type of device."""
        states = {"cpu": torch.get_rng_state()}
        if self._device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self._device)
        elif self._device.type == "mps":
            states["mps"] = torch.mps.get_rng_state()
        return states

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Restore the generators; that of a device on which the training did not run before stays as it is."""
        torch.set_rng_state(state["cpu"])
        if self._device.type == "cuda" and "cuda" in state:
            torch.cuda.set_rng_state(state["cuda"], self._device)
        elif self._device.type == "mps" and "mps" in state:
            torch.mps.set_rng_state(state["mps"])
