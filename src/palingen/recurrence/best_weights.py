"""Weights of the best epoch of a training."""

import math
from typing import Any

from torch import Tensor, nn


class BestWeights:
    """Copy of the weights of the epoch with the lowest loss; under a curriculum, among those at the greatest length."""

    def __init__(self) -> None:
        self.epoch, self.length, self.loss = 0, -1, math.inf
        self.weights: dict[str, Tensor] = {}

    def update(self, epoch: int, model: nn.Module, *, loss: float, length: int) -> None:
        """Copy the model's weights if no earlier epoch was at least as good."""
        if (length, -loss) > (self.length, -self.loss):
            self.epoch, self.length, self.loss = epoch, length, loss
            self.weights = {name: weight.detach().clone() for name, weight in model.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """Best weights so far, and their epoch, length and loss."""
        return vars(self)

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Restore the best weights."""
        vars(self).update(state)
