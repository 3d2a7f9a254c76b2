"""Palindromes without end, and a curriculum over their length. Both are parts of a loop that resume exactly.

B  palindromes      T  their whole length
"""

from collections import deque
from math import ceil
from typing import Any

import torch
from jaxtyping import Bool, UInt8
from torch import Generator, Tensor

from palingen.recurrence.palindromes import DIGITS, Palindromes, keys, mirror

WINDOW = 20
"""Batches over which a curriculum looks at the accuracy."""


class Stream:
    """New palindromes at every step, never one of those held out for the test."""

    def __init__(self, held_out: Palindromes, seed: int) -> None:
        self.length = held_out.digits.shape[1]
        self._held_out = keys(held_out.digits)
        self._generator = Generator().manual_seed(seed)

    def draw(self, count: int, length: int) -> Palindromes:
        """The next `count` palindromes of `length` digits."""
        digits = self._any(count, length)
        while length == self.length and (again := torch.isin(keys(digits), self._held_out)).any():
            digits[again] = self._any(int(again.sum()), length)
        return Palindromes(digits)

    def _any(self, count: int, length: int) -> UInt8[Tensor, "B T"]:
        halves = torch.randint(DIGITS, (count, ceil(length / 2)), generator=self._generator, dtype=torch.uint8)
        return mirror(halves, length)

    def state_dict(self) -> dict[str, Any]:
        """Where the generator is."""
        return {"generator": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Go on from there."""
        self._generator.set_state(state["generator"])


class Curriculum:
    """Short palindromes first (Bengio et al. 2009; over length: Zaremba & Sutskever 2014).

    Whoever has found out for a short palindrome that the first digit is to be kept and all others are to be kept out
    has little left to learn for a longer one, and a step on a short one costs little.

    Args:
        length: the length at last.
        first: the length at first.
        growth: factor from one length to the next.
        enough: mean accuracy over the last batches at which the length grows; 0 starts at the last length.
    """

    def __init__(self, length: int, first: int, growth: float, enough: float) -> None:
        self.last, self.growth, self.enough = length, growth, enough
        self.length = min(first, length) if enough else length
        self._recent: deque[float] = deque(maxlen=WINDOW)

    def see(self, right: Bool[Tensor, " B"]) -> None:
        """Take in which answers of a batch were right, and grow if it is time."""
        if self.length == self.last:
            return
        self._recent.append(float(right.float().mean()))
        if len(self._recent) == WINDOW and sum(self._recent) >= self.enough * WINDOW:
            self.length = min(self.last, max(self.length + 1, int(self.length * self.growth)))
            self._recent.clear()

    def state_dict(self) -> dict[str, Any]:
        """How far it is."""
        return {"length": self.length, "recent": list(self._recent)}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Go on from there."""
        self.length = state["length"]
        self._recent = deque(state["recent"], maxlen=WINDOW)
