"""Curriculum over the length of the palindromes: short ones first."""

from collections import deque
from typing import Any

from jaxtyping import Bool
from torch import Tensor

WINDOW = 20
"""Batches over which the accuracy is averaged."""


class Curriculum:
    """Length of the training palindromes, growing with the accuracy (Bengio et al. 2009; Zaremba & Sutskever 2014).

    A network that has learned on short palindromes to keep the first digit and ignore the others has little left to
    learn for longer ones, and a step on a short one is cheap.

    Args:
        length: final length.
        start: first length.
        growth: factor from one length to the next.
        threshold: mean accuracy over the last batches at which the length grows; None starts at the final length.
    """

    def __init__(self, length: int, start: int, growth: float, threshold: float | None) -> None:
        self.final_length, self.growth, self.threshold = length, growth, threshold
        self.length = length if threshold is None else min(start, length)
        self._recent: deque[float] = deque(maxlen=WINDOW)

    def update(self, correct: Bool[Tensor, " B"]) -> None:
        """Record which predictions of a batch were correct, and lengthen the palindromes if the accuracy allows."""
        if self.threshold is None or self.length == self.final_length:
            return
        self._recent.append(float(correct.float().mean()))
        if len(self._recent) == WINDOW and sum(self._recent) >= self.threshold * WINDOW:
            self.length = min(self.final_length, max(self.length + 1, int(self.length * self.growth)))
            self._recent.clear()

    def state_dict(self) -> dict[str, Any]:
        """Length and recent accuracies."""
        return {"length": self.length, "recent": list(self._recent)}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Restore length and recent accuracies."""
        self.length = state["length"]
        self._recent = deque(state["recent"], maxlen=WINDOW)
