"""StackedMNIST: how many of the 1000 numbers of three digits a generator draws, and how evenly.

B  images
"""

from dataclasses import dataclass

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from palingen.adversarial.examples import Stacked
from palingen.adversarial.images import load_images
from palingen.adversarial.judge import Judge

MODES = 1000

SAMPLES = 26_000
"""Images of a reported score (Metz et al. 2017, Lin et al. 2018)."""

FEWEST = 20_000
"""With fewer, chance alone leaves numbers out and the divergence from even ones is mostly bias."""


@dataclass(frozen=True, kw_only=True)
class ModeScore:
    """One set of stacked images, counted."""

    n: int
    """Images counted."""

    modes: int
    """Numbers of three digits that were drawn at least once, of 1000."""

    reverse_kl: float
    """KL from the numbers drawn to even ones, in nats: 0 if all are drawn equally often."""


def numbers(judge: Judge, pixels: UInt8[Tensor, "B 3 28 28"]) -> Int64[Tensor, " B"]:
    """The number that the judge reads in each image, digit by digit."""
    digits = judge.probabilities(pixels.flatten(0, 1)).argmax(1).view(-1, 3)
    return (digits * torch.tensor([100, 10, 1])).sum(1)


def count_modes(drawn: Int64[Tensor, " B"]) -> ModeScore:
    """Modes and reverse KL of the numbers drawn.

    Even numbers are what the data are meant to be: digits are drawn independently. MNIST's own classes are not quite
    even, nor is any finite sample, so the data themselves score above 0.
    """
    shares = torch.bincount(drawn, minlength=MODES).double() / len(drawn)
    divergence = torch.special.xlogy(shares, shares * MODES).sum().item()
    return ModeScore(n=len(drawn), modes=int((shares > 0).sum()), reverse_kl=divergence)


def floor(count: int = SAMPLES) -> ModeScore:
    """The same of real test digits, three at a time, by their labels: what a perfect generator would get."""
    return count_modes(Stacked(load_images("t10k"), torch.device("cpu"), count).labels)
