"""Palindromes of length T: the network reads T - 1 digits and predicts the T-th, which is the first.

B  palindromes      T  their length      S = T - 1  digits that are read      K = ceil(T / 2)  independent digits
"""

from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Generator, Tensor

from palingen.runtime.errors import ConfigError
from palingen.runtime.memory import Need, require_memory
from palingen.runtime.validation import MAX_COUNT, Interval, require, require_integer, unknown_choice

InputEncoding = Literal["scalar", "one-hot"]

NUM_DIGITS = 10
"""Values of a digit, and classes of the task."""

KEY_DIGITS = 18
"""Leading digits that fit into a 64-bit key."""

MEASUREMENT_SEED = 1_000_000
"""Seed of the palindromes on which trained networks are measured, which no training of a study has."""


@dataclass(frozen=True)
class Palindromes:
    """Palindromes of one length."""

    digits: UInt8[Tensor, "B T"]

    @property
    def inputs(self) -> UInt8[Tensor, "B S"]:
        """Digits that the network reads."""
        return self.digits[:, :-1]

    @property
    def length(self) -> int:
        """T."""
        return self.digits.shape[1]

    @property
    def target(self) -> Int64[Tensor, " B"]:
        """Last digits, which the network predicts."""
        return self.digits[:, -1].long()

    def __len__(self) -> int:
        return len(self.digits)

    def unique_with_counts(self) -> tuple["Palindromes", Int64[Tensor, " D"]]:
        """Distinct palindromes, and how often each occurs."""
        digits, counts = torch.unique(self.digits, dim=0, return_counts=True)
        return Palindromes(digits), counts

    def to(self, device: torch.device) -> "Palindromes":
        """These palindromes on `device`."""
        return Palindromes(self.digits.to(device))


@dataclass(frozen=True)
class Split:
    """Training and test palindromes; no palindrome is in both."""

    train: Palindromes
    test: Palindromes
    note: str | None
    """Message if samples repeat, because there are fewer palindromes than samples; else None."""


def count_palindromes(length: int) -> int:
    """Number of palindromes of `length` digits, leading zeros included: 10 ** ceil(T / 2), counted up to 10 ** 18."""
    require_integer("length", length)
    return int(NUM_DIGITS ** min(ceil(length / 2), KEY_DIGITS))


def encode(digits: UInt8[Tensor, "B S"], encoding: InputEncoding) -> Float[Tensor, "B S I"]:
    """Network inputs: the digit's value (I = 1) or one-hot (I = 10)."""
    if encoding not in get_args(InputEncoding):
        raise ConfigError(f"encoding: {unknown_choice(encoding, get_args(InputEncoding))}")
    if encoding == "scalar":
        return digits.unsqueeze(-1).float()
    inputs = torch.zeros(*digits.shape, NUM_DIGITS, device=digits.device)
    return inputs.scatter_(-1, digits.long().unsqueeze(-1), 1)  # `one_hot` would need three times the memory


def split_need(length: int, num_samples: int, mirrored: float = 1.0) -> Need:
    """Memory of sampled palindromes: first halves, keys, and all digits of a fraction `mirrored` with their copies."""
    return Need("the palindromes", num_samples * ((0.5 + 1.5 * mirrored) * length + 300), "num_samples or length")


def repetition_note(length: int, num_samples: int, train_fraction: float) -> str | None:
    """Message if samples repeat, because there are fewer palindromes than samples; else None."""
    distinct, train_samples = count_palindromes(length), round(train_fraction * num_samples)
    if distinct >= num_samples:
        return None
    cut = round(train_fraction * distinct)
    return (
        f"T = {length} has only {distinct:,} palindromes: {cut:,} of them make the {train_samples:,} training "
        f"samples, the other {distinct - cut:,} the {num_samples - train_samples:,} test samples"
    )


def split_palindromes(length: int, num_samples: int, train_fraction: float, generator: Generator) -> Split:
    """Sample random palindromes, and split them into training and test.

    If fewer distinct palindromes exist than samples, the distinct ones are split, and each side repeats its own equally
    often (up to one).

    Args:
        length: T, at least 2.
        num_samples: training and test samples together.
        train_fraction: fraction for training; neither side may be empty.
        generator: source of all randomness.

    Raises:
        ConfigError: a number is out of range, or the palindromes do not fit into memory.
    """
    train, test = _split_halves(length, num_samples, train_fraction, generator)
    note = repetition_note(length, num_samples, train_fraction)
    return Split(Palindromes(mirror(train.sample(), length)), Palindromes(mirror(test.sample(), length)), note)


def sample_test_palindromes(length: int, num_samples: int, train_fraction: float, generator: Generator) -> Palindromes:
    """Test side of `split_palindromes` alone, in less memory: for trainings on online data.

    Args and errors are those of `split_palindromes`.
    """
    _, test = _split_halves(length, num_samples, train_fraction, generator, mirrored=1 - train_fraction)
    return Palindromes(mirror(test.sample(), length))


def sample_distinct(length: int, count: int, generator: Generator) -> UInt8[Tensor, "B T"]:
    """`count` distinct random palindromes in random order, every set equally likely.

    Enumerates at most four times as many as it returns, so any T works.

    Raises:
        ConfigError: a number is out of range, or the palindromes do not fit into memory.
    """
    return mirror(_sample_halves(length, count, generator), length)


def sample_at_most(length: int, count: int, max_digits: int) -> Palindromes:
    """At most `count` distinct palindromes to measure on, fewer if there are fewer or if they exceed `max_digits`."""
    count = min(count, count_palindromes(length), max(1, max_digits // length))
    return Palindromes(sample_distinct(length, count, Generator().manual_seed(MEASUREMENT_SEED)))


def mirror(halves: UInt8[Tensor, "B K"], length: int) -> UInt8[Tensor, "B T"]:
    """Palindromes from their first halves, which include the middle digit if T is odd."""
    return torch.cat([halves, halves[:, : length // 2].flip(1)], dim=1)


def hash_keys(halves: UInt8[Tensor, "B K"]) -> Int64[Tensor, " B"]:
    """Integer key of each first half or palindrome, from its leading digits.

    Two random ones that share 18 digits are rarer than a memory error.
    """
    leading = halves[:, :KEY_DIGITS].long()
    return (leading * NUM_DIGITS ** torch.arange(leading.shape[1] - 1, -1, -1)).sum(1)


class _Side(NamedTuple):
    """One side of a split: distinct first halves, and the row of each sample."""

    halves: UInt8[Tensor, "D K"]
    rows: Int64[Tensor, " B"]

    def sample(self) -> UInt8[Tensor, "B K"]:
        """First half of each sample."""
        return self.halves[self.rows]


def _split_halves(
    length: int, num_samples: int, train_fraction: float, generator: Generator, mirrored: float = 1.0
) -> tuple[_Side, _Side]:
    """Training and test side of `split_palindromes`, of which a fraction `mirrored` will be mirrored."""
    require_integer("num_samples", num_samples)
    require("train_fraction", train_fraction, 0 < train_fraction < 1, "must be between 0 and 1")
    halves = _sample_halves(length, min(num_samples, count_palindromes(length)), generator, mirrored)
    cut = round(train_fraction * len(halves))
    rule = f"leaves one side of {len(halves)} palindromes empty"
    require("train_fraction", train_fraction, 0 < cut < len(halves), rule)
    train_samples = round(train_fraction * num_samples)
    train_rows = _repeat_rows(cut, train_samples, generator)
    test_rows = _repeat_rows(len(halves) - cut, num_samples - train_samples, generator)
    return _Side(halves[:cut], train_rows), _Side(halves[cut:], test_rows)


def _sample_halves(length: int, count: int, generator: Generator, mirrored: float = 1.0) -> UInt8[Tensor, "B K"]:
    """First halves of `sample_distinct`, of which a fraction `mirrored` will be mirrored."""
    require_integer("length", length, Interval(minimum=2, maximum=MAX_COUNT))
    require_integer("count", count)
    require_memory("the data set", split_need(length, count, mirrored))
    half, total = ceil(length / 2), count_palindromes(length)
    require("count", count, count <= total, f"must be at most {total}, the number of palindromes of {length} digits")
    if total <= 4 * count:
        numbers = torch.randperm(total, generator=generator)[:count]
        powers = NUM_DIGITS ** torch.arange(half - 1, -1, -1)
        return (numbers.unsqueeze(1) // powers % NUM_DIGITS).to(torch.uint8)
    draw = partial(torch.randint, NUM_DIGITS, (count, half), generator=generator, dtype=torch.uint8)
    halves = _without_repeats(draw())
    while len(halves) < count:
        halves = _without_repeats(torch.cat([halves, draw()]))
    return halves[:count]


def _without_repeats(halves: UInt8[Tensor, "B K"]) -> UInt8[Tensor, "B2 K"]:
    first = np.unique(hash_keys(halves).numpy(), return_index=True)[1]
    return halves if len(first) == len(halves) else halves[torch.from_numpy(np.sort(first))]


def _repeat_rows(count: int, samples: int, generator: Generator) -> Int64[Tensor, " B"]:
    """Rows of `count` for as many samples, each equally often (up to one)."""
    rounds = ceil(samples / count)
    return torch.cat([torch.randperm(count, generator=generator) for _ in range(rounds)])[:samples]
