"""Running means of a training's metrics, over all its processes."""

import math
from typing import Any

import torch
from torch import Tensor

from palingen.runtime.distributed import ProcessGroup
from palingen.runtime.errors import DivergenceError


class RunningMeans:
    """Running means of named numbers, kept on the device so that no step waits for them."""

    def __init__(self, *names: str, process_group: ProcessGroup) -> None:
        self.names, self.process_group = names, process_group
        self._sums = torch.zeros(len(names) + 1, device=process_group.device)  # the last one sums the weights
        self._one = torch.ones((), device=process_group.device)

    def add(self, *values: Tensor, weight: float = 1.0) -> None:
        """Add one value for each name, with the given weight."""
        numbers = [value.detach().float() for value in values]
        self._sums.add_(torch.stack([*numbers, self._one]), alpha=weight)

    def compute_and_reset(self) -> dict[str, float]:
        """Weighted means over all processes since the last reset, by name.

        Raises:
            DivergenceError: a mean is not finite.
        """
        self.process_group.all_reduce_sum([self._sums])
        *sums, weight = self._sums.tolist()
        self._sums.zero_()
        means = {name: value / weight for name, value in zip(self.names, sums, strict=True)}
        for name, mean in means.items():
            if not math.isfinite(mean):
                raise DivergenceError(f"{name} is no longer a finite number")
        return means

    def state_dict(self) -> dict[str, Any]:
        """Sums since the last reset. All processes must call it together.

        Each gets an equal part of the sum over all, since all resume from the checkpoint of the main one.
        """
        sums = self._sums.clone()
        self.process_group.all_reduce_sum([sums])
        return {"sums": sums.div_(self.process_group.world_size).cpu()}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Restore the sums."""
        self._sums.copy_(state["sums"])
