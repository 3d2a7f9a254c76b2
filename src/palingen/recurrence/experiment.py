"""What a run of this laboratory is: its settings, its palindromes, its untrained network."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator

from palingen.config import check, check_types
from palingen.recurrence import initial
from palingen.recurrence.cells import CellName
from palingen.recurrence.engines import EngineName
from palingen.recurrence.network import Classifier
from palingen.recurrence.palindromes import DIGITS, Encoding, Split, count_palindromes, split


@dataclass(frozen=True, kw_only=True)
class PalindromeRun:
    """Train one cell to predict the last digit of palindromes. The defaults are the course's."""

    cell: CellName = "lstm"
    """Recurrent cell."""

    length: int = 5
    """T, the palindrome's whole length in digits, at least 2: T - 1 are read and the T-th is predicted. The course
    skeleton's --input_length n reads n digits and predicts the next, so it is T = n + 1."""

    encoding: Encoding = "scalar"
    """How a digit enters: its value (1 input) or one-hot (10 inputs)."""

    hidden: int = 128
    """Hidden units."""

    samples: int = 10_000
    """Training and test samples together."""

    portion: float = 0.8
    """Share of the palindromes used for training; no test palindrome is among them."""

    batch_size: int = 128
    """Sequences a step."""

    epochs: int = 100
    """Passes over the training samples."""

    optimizer: Literal["rmsprop", "adam"] = "rmsprop"
    """Which steps are taken (RMSprop: Tieleman & Hinton 2012; Adam: Kingma & Ba 2015)."""

    learning_rate: float = 1e-3
    """Size of a step."""

    alpha: float = 0.99
    """RMSprop's smoothing of the squared gradient, and Adam's beta2."""

    schedule: Literal["step", "cosine"] = "step"
    """How the learning rate falls: by --decay every --decay-every epochs, or along half a cosine to zero."""

    decay_every: int = 100
    """Epochs after which the learning rate is multiplied by --decay."""

    decay: float = 0.1
    """Factor of the learning rate every --decay-every epochs."""

    warmup: int = 0
    """Epochs over which the learning rate rises to its full size."""

    max_norm: float = 10.0
    """The gradient is scaled down to this norm, after the backward pass and before the step."""

    chrono: bool = False
    """Units forget over times spread up to T and write as rarely (Tallec & Ollivier 2018); gated cells only."""

    forget_bias: float = 0.0
    """First bias of the gate that remembers (Gers et al. 2000), 0 for that of the other gates; gated cells only."""

    orthogonal: bool = False
    """Recurrent weights start as rotations (Saxe et al. 2014)."""

    learn_state: bool = False
    """h(0) and c(0) are learnt; without it they are zero."""

    stream: bool = False
    """Train on new palindromes at every step, never one of the test's; an epoch is as many of them as without."""

    curriculum: float = 0.0
    """Begin with short palindromes, and go on to longer ones whenever this share is right over 20 batches (Bengio et
    al. 2009); 0 begins with T. Needs --stream."""

    first_length: int = 8
    """Length with which a curriculum begins, in digits."""

    growth: float = 1.5
    """Factor from one length of a curriculum to the next."""

    length_decay: float = 0.0
    """The learning rate is divided by the ratio of the length at hand to --first-length to this power (0.5: by its
    square root): the longer the sequence, the more often a step's change acts."""

    stop_at: float = 0.0
    """Stop a stream of full length once this share of a thousand new palindromes is right; 0 never stops."""

    seed: int = 0
    """Seed of the palindromes, the weights and the order."""

    def __post_init__(self) -> None:
        check_types(self)
        for name in ("hidden", "batch_size", "epochs", "decay_every"):
            check(self, name, getattr(self, name) >= 1, "at least 1")
        for name in ("learning_rate", "decay", "max_norm"):
            check(self, name, getattr(self, name) > 0, "above 0")
        for name in ("curriculum", "stop_at"):
            check(self, name, 0 <= getattr(self, name) <= 1, "between 0 and 1")
        check(self, "warmup", self.warmup >= 0, "at least 0")
        check(self, "first_length", self.first_length >= 2, "at least 2")
        check(self, "growth", self.growth > 1, "above 1")
        check(self, "curriculum", self.stream or not self.curriculum, "possible without --stream")
        check(self, "length_decay", self.length_decay >= 0, "at least 0")
        check(self, "stop_at", self.stream or not self.stop_at, "possible without --stream")
        check(self, "forget_bias", not (self.chrono and self.forget_bias), "possible together with --chrono")
        check(self, "length", self.length >= 2, "at least 2 (a palindrome needs a first and a last digit)")
        check(self, "samples", self.samples >= 2, "at least 2 (one to train on and one to test on)")
        check(self, "portion", 0 < self.portion < 1, "between 0 and 1")
        check(self, "alpha", 0 <= self.alpha < 1, "at least 0 and below 1")
        check(self, "seed", 0 <= self.seed < 2**31, "between 0 and 2147483647")
        distinct = min(self.samples, count_palindromes(self.length))
        check(self, "portion", 0 < round(self.portion * distinct) < distinct, "leaving samples on both sides")


def data(config: PalindromeRun) -> Split:
    """The palindromes of an experiment; its seed decides them."""
    return split(config.length, config.samples, config.portion, Generator().manual_seed(config.seed))


def network(config: PalindromeRun, engine: EngineName = "auto") -> Classifier:
    """The untrained network of an experiment; its seed decides the weights."""
    torch.manual_seed(config.seed)
    inputs = 1 if config.encoding == "scalar" else DIGITS
    model = Classifier(config.cell, inputs, config.hidden, DIGITS, engine=engine, learn_state=config.learn_state)
    gated = model.recurrent.cell.remembers is not None
    if config.orthogonal:
        initial.orthogonal(model.recurrent)
    if config.chrono and gated:
        initial.chrono(model.recurrent, config.length)
    if config.forget_bias and gated:
        initial.forget_bias(model.recurrent, config.forget_bias)
    return model
