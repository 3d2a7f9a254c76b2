"""Config of a palindrome training, its palindromes, and its untrained network."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator

from palingen.recurrence import init
from palingen.recurrence.cells import CellName
from palingen.recurrence.engines import EngineName, Precision
from palingen.recurrence.layers import SequenceClassifier
from palingen.recurrence.palindromes import (
    NUM_DIGITS,
    InputEncoding,
    Palindromes,
    Split,
    count_palindromes,
    sample_at_most,
    sample_test_palindromes,
    split_palindromes,
)
from palingen.recurrence.user_cells import load_cell
from palingen.runtime.user_code import read_code
from palingen.runtime.validation import COUNT, MAX_COUNT, SEED, Interval, require_field, require_ranges, validate_types

DECAY = Interval(minimum=0, below=1)

SATURATED = "the gate saturates long before"

ACCURACY = Interval(above=0, maximum=1)

RANGES = {
    "length": Interval(minimum=2, maximum=MAX_COUNT, too_small="a first and a last digit"),
    "num_samples": Interval(minimum=2, maximum=MAX_COUNT, too_small="one to train on, one to test"),
    "train_fraction": Interval(above=0, below=1),
    "hidden_size": COUNT,
    "forget_bias_init": Interval(minimum=-100, maximum=100, too_small=SATURATED, too_large=SATURATED),
    "batch_size": COUNT,
    "epochs": COUNT,
    "learning_rate": Interval(above=0, maximum=100, too_large="about the change of a weight at each step"),
    "rmsprop_alpha": DECAY,
    "adam_beta2": DECAY,
    "max_grad_norm": Interval(above=0, maximum=1e6, too_large="no larger gradient is of use"),
    "lr_step_epochs": COUNT,
    "lr_step_factor": Interval(above=0, maximum=1, too_large="the learning rate never rises"),
    "warmup_epochs": Interval(minimum=0, maximum=MAX_COUNT),
    "lr_length_exponent": Interval(minimum=0, maximum=2, too_large="at 1, the learning rate falls as the length grows"),
    "curriculum_threshold": ACCURACY,
    "curriculum_start": Interval(minimum=2, maximum=MAX_COUNT),
    "curriculum_growth": Interval(above=1, maximum=100, too_large="a larger factor hardly leaves a curriculum"),
    "early_stop_accuracy": ACCURACY,
    "seed": SEED,
}
"""Valid values of each number."""


@dataclass(frozen=True, kw_only=True)
class PalindromeConfig:
    """Train one cell to predict the last digit of palindromes. The defaults are the course's."""

    length: int = 5
    """Length T of the palindromes, at least 2: T - 1 digits are read and the T-th is predicted. The course skeleton's
    --input_length n is T = n + 1."""

    num_samples: int = 10_000
    """Training and test samples together."""

    train_fraction: float = 0.8
    """Fraction of the palindromes used for training; the others are the test."""

    input_encoding: InputEncoding = "scalar"
    """Network input for a digit: its value (1 input) or one-hot (10 inputs)."""

    online_data: bool = False
    """Train on new random palindromes at every step, never on one of the test; as many in an epoch as without it."""

    cell: CellName | str = "lstm"
    """Recurrent cell, or FILE.py:NAME."""

    hidden_size: int = 128
    """Hidden units."""

    forget_bias_init: float | None = None
    """Initial bias of the forget gate alone (Gers et al. 2000); None is random, like that of the other gates."""

    orthogonal_init: bool = False
    """Orthogonal initial recurrent weights (Saxe et al. 2014)."""

    chrono_init: bool = False
    """Chrono initialisation: time scales of the units spread up to T (Tallec & Ollivier 2018). Cells without
    gates stay as they are."""

    learn_initial_state: bool = False
    """Learn h(0) and c(0) instead of starting from zero."""

    batch_size: int = 128
    """Palindromes a step."""

    epochs: int = 100
    """Passes over the training samples."""

    optimizer: Literal["rmsprop", "adam"] = "rmsprop"
    """RMSprop (Tieleman & Hinton 2012) or Adam (Kingma & Ba 2015)."""

    learning_rate: float = 1e-3
    """Learning rate."""

    rmsprop_alpha: float = 0.99
    """RMSprop's decay of the squared gradient average."""

    adam_beta2: float = 0.999
    """Adam's decay of the squared gradient average."""

    max_grad_norm: float = 10.0
    """Gradient norm above which the gradient is scaled down, after the backward pass and before the step."""

    lr_schedule: Literal["step", "cosine"] = "step"
    """Learning rate schedule: a factor every lr_step_epochs epochs, or half a cosine to zero."""

    lr_step_epochs: int = 100
    """Epochs between two steps of the step schedule."""

    lr_step_factor: float = 0.1
    """Factor of the learning rate at each step of the step schedule."""

    warmup_epochs: int = 0
    """Epochs over which the learning rate rises linearly."""

    lr_length_exponent: float = 0.0
    """Divide the learning rate by (length / curriculum_start) to this power; 0.5 is the square root."""

    curriculum_threshold: float | None = None
    """Start with short palindromes, and lengthen them whenever this accuracy is reached over 20 batches (Bengio et al.
    2009); needs online_data."""

    curriculum_start: int = 8
    """First length of the curriculum."""

    curriculum_growth: float = 1.5
    """Factor from one length of the curriculum to the next."""

    early_stop_accuracy: float | None = None
    """Stop after the first epoch with this accuracy on 1,000 new palindromes of full length; needs online_data."""

    precision: Precision = "float32"
    """Matrix products of the recurrent layer in float32, or in bfloat16 with float32 sums, states and gates."""

    seed: int = 0
    """Seed of palindromes, weights and order."""

    def __post_init__(self) -> None:
        read_code(self)
        validate_types(self)
        require_ranges(self, RANGES)
        for name in ("curriculum_threshold", "early_stop_accuracy"):
            require_field(self, name, getattr(self, name) is None or self.online_data, "needs online_data")
        both = self.chrono_init and self.forget_bias_init is not None
        require_field(self, "forget_bias_init", not both, "is incompatible with chrono_init")
        distinct = min(self.num_samples, count_palindromes(self.length))
        both_sides = 0 < round(self.train_fraction * distinct) < distinct
        require_field(self, "train_fraction", both_sides, f"leaves one side of {distinct} palindromes empty")


def build_data(config: PalindromeConfig) -> Split:
    """Training and test palindromes; the seed determines them."""
    generator = Generator().manual_seed(config.seed)
    return split_palindromes(config.length, config.num_samples, config.train_fraction, generator)


def build_test_data(config: PalindromeConfig) -> Palindromes:
    """Test palindromes of `build_data`, in less memory."""
    generator = Generator().manual_seed(config.seed)
    return sample_test_palindromes(config.length, config.num_samples, config.train_fraction, generator)


UNSEEN_FACTOR = 1000
"""Palindromes that there are for each one of the training, from which on hardly a random one is among these."""


def sample_unseen(config: PalindromeConfig, length: int, count: int, max_digits: int) -> Palindromes:
    """Distinct palindromes to measure a trained network on: random ones, of a seed that no training of a study has.

    A training may have had most of the palindromes of its length: any offline one, and one with online data if there
    are few. Of that length they are test palindromes. Shorter ones may be among those of a curriculum.

    Args:
        config: the training.
        length: T of the palindromes, which need not be that of the training.
        count: palindromes at most; fewer if there are fewer.
        max_digits: digits of all of them, at most, unless there is only one.
    """
    trained = config.epochs * config.num_samples
    if length != config.length or (config.online_data and trained * UNSEEN_FACTOR < count_palindromes(length)):
        return sample_at_most(length, count, max_digits)
    test = build_test_data(config)
    distinct = len(test.unique_with_counts()[0])  # they come first, before any is repeated
    return Palindromes(test.digits[: min(count, distinct, max(1, max_digits // length))])


def build_network(config: PalindromeConfig, engine: EngineName = "auto") -> SequenceClassifier:
    """Untrained network; the seed determines the weights.

    Raises:
        ConfigError: the cell is a user's, and does not fit.
        RunError: the cell was read from a run, and nobody has trusted its code.
    """
    torch.manual_seed(config.seed)
    model = SequenceClassifier(
        load_cell(config.cell),
        input_size=1 if config.input_encoding == "scalar" else NUM_DIGITS,
        hidden_size=config.hidden_size,
        num_classes=NUM_DIGITS,
        engine=engine,
        learn_initial_state=config.learn_initial_state,
        precision=config.precision,
    )
    gated = model.recurrent.cell.forget_gate is not None
    if config.orthogonal_init:
        init.orthogonal(model.recurrent)
    if config.chrono_init and gated:
        init.chrono(model.recurrent, config.length)
    if config.forget_bias_init is not None and gated:
        init.forget_bias(model.recurrent, config.forget_bias_init)
    return model
