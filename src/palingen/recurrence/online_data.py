"""Endless random palindromes that exclude the test set.

B  palindromes      T  their length
"""

from math import ceil
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Generator, Tensor

from palingen.recurrence.palindromes import NUM_DIGITS, Palindromes, hash_keys, mirror


class OnlinePalindromes:
    """New random palindromes at every step, never one of the test set.

    Args:
        test: palindromes to exclude, all of one length.
        seed: seed of the random generator.
    """

    def __init__(self, test: Palindromes, seed: int) -> None:
        self.test_length = test.digits.shape[1]
        self._test_keys = hash_keys(test.digits)
        self._generator = Generator().manual_seed(seed)

    def sample(self, count: int, length: int) -> Palindromes:
        """Next `count` palindromes of `length` digits."""
        digits = self._sample_any(count, length)
        while length == self.test_length and (in_test := torch.isin(hash_keys(digits), self._test_keys)).any():
            digits[in_test] = self._sample_any(int(in_test.sum()), length)
        return Palindromes(digits)

    def state_dict(self) -> dict[str, Any]:
        """State of the random generator."""
        return {"generator": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Restore the random generator."""
        self._generator.set_state(state["generator"])

    def _sample_any(self, count: int, length: int) -> UInt8[Tensor, "B T"]:
        halves = torch.randint(NUM_DIGITS, (count, ceil(length / 2)), generator=self._generator, dtype=torch.uint8)
        return mirror(halves, length)
