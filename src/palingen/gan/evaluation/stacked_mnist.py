"""StackedMNIST score: number of modes among the 1,000 three-digit numbers, and how evenly they are covered.

B  images
"""

from dataclasses import dataclass

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from palingen.gan.data.datasets import StackedMnist
from palingen.gan.data.mnist import load_images
from palingen.gan.evaluation.classifier import Classifier

NUM_MODES = 1000
"""Numbers of three digits."""

NUM_SAMPLES = 26_000
"""Images of a reported score (Metz et al. 2017, Lin et al. 2018)."""

MIN_SAMPLES = 20_000
"""Fewest images of a score: with fewer, modes are missing by chance, and the divergence is mostly bias."""


MAX_SAMPLES = 100_000
"""Most images of a score, far more than it needs."""


@dataclass(frozen=True, kw_only=True)
class ModeScore:
    """Mode coverage of one set of images."""

    n: int
    """Number of images."""

    modes: int
    """Numbers that occur at least once, of 1,000."""

    reverse_kl: float
    """KL divergence from the distribution of the numbers to the uniform one, in nats."""


def read_numbers(classifier: Classifier, pixels: UInt8[Tensor, "B 3 28 28"]) -> Int64[Tensor, " B"]:
    """Number in each image, each digit as the classifier reads it."""
    digits = classifier.probabilities(pixels.flatten(0, 1)).argmax(1).view(-1, 3)
    return (digits * torch.tensor([100, 10, 1])).sum(1)


def count_modes(numbers: Int64[Tensor, " B"]) -> ModeScore:
    """Modes and reverse KL of numbers from 0 to 999.

    The target is uniform because the digits are sampled independently. MNIST's classes are not quite balanced, and a
    sample is finite, so even real images score above 0.
    """
    frequencies = torch.bincount(numbers, minlength=NUM_MODES).double() / len(numbers)
    divergence = torch.special.xlogy(frequencies, frequencies * NUM_MODES).sum().item()
    return ModeScore(n=len(numbers), modes=int((frequencies > 0).sum()), reverse_kl=divergence)


def score_real_digits(count: int = NUM_SAMPLES) -> ModeScore:
    """Score of real test digits, three at a time, by their labels: the score of a perfect generator."""
    return count_modes(StackedMnist(load_images("t10k"), torch.device("cpu"), count).labels)
