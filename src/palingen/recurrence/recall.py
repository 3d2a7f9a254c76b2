"""Recall of a trained network: its accuracy on palindromes of other lengths than that of its training."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from palingen.recurrence.config import PalindromeConfig, sample_unseen
from palingen.recurrence.palindromes import encode

FACTORS = (0.5, 1, 2, 5, 10, 20, 50)
"""Lengths over that of the training."""

MAX_LENGTH = 100_000
"""Longest palindromes, unless the training was on more than half of that: then twice its length."""

NUM_PALINDROMES = 200
"""Palindromes of each length, if there are as many."""

MAX_DIGITS = 2_000_000
"""Digits of the palindromes of one length, at most: they take a second or two."""


Network = Callable[[Tensor], Tensor]
"""Logits [B, 10] from inputs [B, S, I]."""


@dataclass(frozen=True)
class Recall:
    """Accuracy on palindromes of one length."""

    length: int
    palindromes: int
    """How many there were."""

    accuracy: float


@torch.no_grad()
def recall_at(model: Network, config: PalindromeConfig, length: int) -> Recall:
    """Accuracy of a trained network on palindromes of a length, which `sample_unseen` chooses."""
    palindromes = sample_unseen(config, length, NUM_PALINDROMES, MAX_DIGITS)
    logits = model(encode(palindromes.inputs, config.input_encoding))
    is_right = logits.argmax(1) == palindromes.target
    return Recall(length, len(palindromes), int(is_right.sum()) / len(palindromes))


def recall_beyond(model: Network, config: PalindromeConfig) -> tuple[Recall, ...]:
    """Accuracy on shorter and on ever longer palindromes than those of the training."""
    return tuple(recall_at(model, config, length) for length in _lengths(config.length))


def _lengths(trained: int) -> Iterator[int]:
    for length in dict.fromkeys(max(2, round(factor * trained)) for factor in FACTORS):
        if length <= max(2 * trained, MAX_LENGTH):
            yield length
