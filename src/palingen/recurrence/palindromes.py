"""Palindromes of length T: the network reads T - 1 digits and predicts the T-th, which is the first.

B  palindromes      T  their whole length      K  digits that decide one, ceil(T / 2)
"""

from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Generator, Tensor

Encoding = Literal["scalar", "one-hot"]

DIGITS = 10
"""Values a digit can take; the classes of the task."""

KEY_DIGITS = 18
"""Leading digits that fit a 64-bit key."""


@dataclass(frozen=True)
class Palindromes:
    """Some palindromes of one length."""

    digits: UInt8[Tensor, "B T"]

    @property
    def seen(self) -> UInt8[Tensor, "B S"]:
        """What the network reads."""
        return self.digits[:, :-1]

    @property
    def target(self) -> Int64[Tensor, " B"]:
        """What it must say."""
        return self.digits[:, -1].long()

    def __len__(self) -> int:
        return len(self.digits)

    def distinct(self) -> tuple["Palindromes", Int64[Tensor, " D"]]:
        """Each of them once, and how often it is there."""
        digits, counts = torch.unique(self.digits, dim=0, return_counts=True)
        return Palindromes(digits), counts

    def to(self, device: torch.device) -> "Palindromes":
        """The same palindromes on `device`."""
        return Palindromes(self.digits.to(device))


@dataclass(frozen=True)
class Split:
    """Palindromes to train on and others to test on; no palindrome is in both."""

    train: Palindromes
    test: Palindromes
    note: str | None
    """One line for the reader when samples repeat because there are too few palindromes, else None."""


def count_palindromes(length: int) -> int:
    """How many palindromes of `length` digits there are, leading zeros included: 10 ** ceil(T / 2)."""
    return int(DIGITS ** ceil(length / 2))


def encode(seen: UInt8[Tensor, "B S"], encoding: Encoding) -> Float[Tensor, "B S I"]:
    """Digits as the network's input: I = 1, the digit's value, or I = 10, one-hot."""
    if encoding == "scalar":
        return seen.unsqueeze(-1).float()
    return torch.nn.functional.one_hot(seen.long(), DIGITS).float()


def split(length: int, samples: int, portion: float, generator: Generator) -> Split:
    """Draw `samples` palindromes and part them, `portion` of them for training.

    Where fewer distinct palindromes exist than were asked for, the distinct ones are parted and each side's samples
    are drawn from its own, every one as often as the others give or take one.

    Args:
        length: T, the whole length, at least 2.
        samples: training and test samples together.
        portion: the training share, so large and so small that neither side is empty.
        generator: the only source of randomness.
    """
    distinct = distinct_palindromes(length, min(samples, count_palindromes(length)), generator)
    cut = round(portion * len(distinct))
    train_samples = round(portion * samples)
    train = Palindromes(_repeat(distinct[:cut], train_samples, generator))
    test = Palindromes(_repeat(distinct[cut:], samples - train_samples, generator))
    if len(distinct) == samples:
        return Split(train, test, None)
    return Split(
        train,
        test,
        f"T = {length} has only {len(distinct):,} palindromes: {cut:,} of them make the {len(train):,} training "
        f"samples, the other {len(distinct) - cut:,} the {len(test):,} test samples",
    )


def distinct_palindromes(length: int, count: int, generator: Generator) -> UInt8[Tensor, "B T"]:
    """`count` different palindromes in random order, each set as likely as any other.

    Never enumerates more than four times what it returns, so that T = 10,000 is no trouble.
    """
    half, total = ceil(length / 2), count_palindromes(length)
    if total <= 4 * count:
        numbers = torch.randperm(total, generator=generator)[:count]
        powers = DIGITS ** torch.arange(half - 1, -1, -1)
        return mirror((numbers.unsqueeze(1) // powers % DIGITS).to(torch.uint8), length)
    halves = torch.empty(0, half, dtype=torch.uint8)
    while len(halves) < count:
        drawn = torch.randint(DIGITS, (count, half), generator=generator, dtype=torch.uint8)
        halves = _without_repeats(torch.cat([halves, drawn]))[:count]
    return mirror(halves, length)


def mirror(halves: UInt8[Tensor, "B K"], length: int) -> UInt8[Tensor, "B T"]:
    """First halves (with the middle digit where T is odd) to whole palindromes."""
    return torch.cat([halves, halves[:, : length // 2].flip(1)], dim=1)


def keys(halves: UInt8[Tensor, "B K"]) -> Int64[Tensor, " B"]:
    """A number for each first half (whole palindromes do as well), by its first digits.

    Two long ones that share eighteen digits are rarer than a memory error.
    """
    leading = halves[:, :KEY_DIGITS].long()
    return (leading * DIGITS ** torch.arange(leading.shape[1] - 1, -1, -1)).sum(1)


def _without_repeats(halves: UInt8[Tensor, "B K"]) -> UInt8[Tensor, "B2 K"]:
    first = np.unique(keys(halves).numpy(), return_index=True)[1]
    return halves[torch.from_numpy(np.sort(first))]


def _repeat(digits: UInt8[Tensor, "B T"], samples: int, generator: Generator) -> UInt8[Tensor, "N T"]:
    rounds = ceil(samples / len(digits))
    order = torch.cat([torch.randperm(len(digits), generator=generator) for _ in range(rounds)])
    return digits[order[:samples]]
