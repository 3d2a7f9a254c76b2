"""Generator of the best epoch of a training."""

import copy
import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn


class BestGenerator:
    """Copy of the generator after the epoch with the lowest monitored distance to the validation part.

    The distance is the Frechet distance, and for three digits at once the reverse KL divergence.
    """

    def __init__(self) -> None:
        self.epoch, self.distance = 0, math.inf
        self.weights: dict[str, Tensor] = {}

    def update(self, epoch: int, generator: nn.Module, metrics: Mapping[str, Any]) -> None:
        """Copy the generator if no earlier epoch was at least as good.

        Args:
            epoch: number of the epoch, from 1.
            generator: generator that was monitored.
            metrics: its metrics, as the monitor computes them.
        """
        distance = metrics["reverse_kl" if "reverse_kl" in metrics else "fd"]
        if distance < self.distance:
            self.epoch, self.distance = epoch, distance
            self.weights = {name: weight.detach().clone() for name, weight in generator.state_dict().items()}

    def load_into_copy(self, generator: nn.Module) -> nn.Module:
        """Copy of a generator with the best weights."""
        best = copy.deepcopy(generator)
        best.load_state_dict(self.weights)
        return best

    def state_dict(self) -> dict[str, Any]:
        """Best weights so far, with their epoch and distance."""
        return vars(self)

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Restore the best weights."""
        vars(self).update(state)
