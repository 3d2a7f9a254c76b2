"""Palindrome trainer: the network, its optimiser and schedule, the data, the curriculum, and the best weights.

B  palindromes      S = T - 1  digits that are read
"""

import math
from functools import partial
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR

from palingen.recurrence.best_weights import BestWeights
from palingen.recurrence.config import PalindromeConfig, build_data, build_network, build_test_data
from palingen.recurrence.curriculum import Curriculum
from palingen.recurrence.engines import EngineName, resolve_engine
from palingen.recurrence.online_data import OnlinePalindromes
from palingen.recurrence.palindromes import Palindromes, encode
from palingen.recurrence.user_cells import load_cell
from palingen.runtime.training_loop import Stateful

METRICS = ("loss", "accuracy", "gradient_norm")
"""Training metrics, averaged over each epoch."""

VALIDATION_SAMPLES = 1000
"""New palindromes on which the network is validated after every epoch of online data."""

MAX_EPOCH_TEST_DIGITS = 2_000_000
"""Digits of the test palindromes that are read after every epoch, at most: an epoch on short ones takes less time than
reading 2,000 of 100,000 digits. The result is on all of them."""

MAX_EVALUATION_DIGITS = 400_000
"""Digits in one batch of an evaluation, which bounds the memory for long palindromes."""


def require_engine(config: PalindromeConfig, engine: EngineName, device: torch.device) -> None:
    """Check before anything is written that an engine supports an experiment; `auto` finds one for each in float32.

    Raises:
        ConfigError: it does not.
    """
    example = encode(torch.zeros(1, config.length - 1, dtype=torch.uint8, device=device), config.input_encoding)
    resolve_engine(engine, load_cell(config.cell), example, config.hidden_size, config.precision)


class Evaluation(NamedTuple):
    """Mean loss and accuracy on a set of palindromes."""

    loss: float
    accuracy: float


class PalindromeTrainer:
    """Everything that a training step changes.

    Args:
        config: the experiment.
        device: where to train.
        engine: implementation of the recurrence; `auto` is resolved once, for palindromes of full length.

    Raises:
        ConfigError: the engine cannot run the cell on this device.
    """

    def __init__(self, config: PalindromeConfig, device: torch.device, engine: EngineName = "auto") -> None:
        self.config, self.device = config, device
        data = None if config.online_data else build_data(config)
        self.train_data = data.train.to(device) if data else None
        test = data.test if data else build_test_data(config)
        self.test_data, self.test_counts = test.to(device).unique_with_counts()
        self.model = build_network(config, engine).to(device)
        example = self.encode(Palindromes(self.test_data.digits[:1]))
        self.engine = resolve_engine(engine, self.model.recurrent.cell, example, config.hidden_size, config.precision)
        self.model.recurrent.engine = self.engine
        self.optimizer = _build_optimizer(config, self.model)
        self.schedule = LambdaLR(self.optimizer, partial(lr_factor, config))
        self.online_data = OnlinePalindromes(test, config.seed)
        self.curriculum = Curriculum(
            config.length, config.curriculum_start, config.curriculum_growth, config.curriculum_threshold
        )
        self.best = BestWeights()

    @property
    def state(self) -> dict[str, Stateful]:
        """Everything a checkpoint must hold, by name."""
        names = ("model", "optimizer", "schedule", "online_data", "curriculum", "best")
        return {name: getattr(self, name) for name in names}

    def sample_batch(self, indices: Int64[Tensor, " B"]) -> Palindromes:
        """Training palindromes at `indices`, or as many new ones with online data."""
        if self.train_data is None:
            return self.online_data.sample(len(indices), self.curriculum.length).to(self.device)
        return Palindromes(self.train_data.digits[indices])

    def encode(self, palindromes: Palindromes) -> Float[Tensor, "B S I"]:
        """Network inputs of palindromes."""
        return encode(palindromes.inputs, self.config.input_encoding)

    def step(self, loss: Float[Tensor, ""], length: int) -> Float[Tensor, ""]:
        """Update the network from a loss on palindromes of the given length; return the gradient norm."""
        self.optimizer.zero_grad()
        loss.backward()
        grad_norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.max_grad_norm)
        scheduled = float(self.schedule.get_last_lr()[0])
        for group in self.optimizer.param_groups:
            group["lr"] = scheduled * (self.config.curriculum_start / length) ** self.config.lr_length_exponent
        self.optimizer.step()
        return grad_norm

    def end_epoch(self, epoch: int, train_metrics: dict[str, float]) -> dict[str, Any]:
        """Validate, keep the weights if they are the best, and advance the schedule; return the epoch's metrics."""
        learning_rate, length = self.schedule.get_last_lr()[0], self.curriculum.length
        self.schedule.step()
        test = self.evaluate_test(MAX_EPOCH_TEST_DIGITS)
        metrics: dict[str, Any] = {"learning_rate": learning_rate, "length": length, **train_metrics}
        metrics |= {"test_loss": test.loss, "test_accuracy": test.accuracy}
        loss = metrics["loss"]
        if self.config.online_data:
            samples = self.online_data.sample(VALIDATION_SAMPLES, length).to(self.device)
            validation = self._evaluate(*samples.unique_with_counts())
            metrics |= {"validation_loss": validation.loss, "validation_accuracy": validation.accuracy}
            loss = validation.loss
        self.best.update(epoch, self.model, loss=loss, length=length)
        return metrics

    def should_stop(self, metrics: dict[str, Any]) -> bool:
        """Whether the validation accuracy at full length allows an early stop."""
        target, length = self.config.early_stop_accuracy, self.curriculum.length
        return target is not None and length == self.config.length and metrics["validation_accuracy"] >= target

    def evaluate_test(self, max_digits: int | None = None) -> Evaluation:
        """Loss and accuracy on the test palindromes, or on some of them that have at most `max_digits` digits."""
        stride = math.ceil(self.test_data.digits.numel() / max_digits) if max_digits else 1
        # they are sorted: every k-th begin with all digits
        return self._evaluate(Palindromes(self.test_data.digits[::stride]), self.test_counts[::stride])

    @torch.no_grad()
    def _evaluate(self, palindromes: Palindromes, counts: Int64[Tensor, " B"]) -> Evaluation:
        """Loss and accuracy on distinct palindromes that occur `counts` times each."""
        loss, correct = 0.0, 0
        size = max(1, MAX_EVALUATION_DIGITS // palindromes.length)
        for digits, repeats in zip(palindromes.digits.split(size), counts.split(size), strict=True):
            chunk = Palindromes(digits)
            logits: Tensor = self.model(self.encode(chunk))
            loss += float((cross_entropy(logits, chunk.target, reduction="none") * repeats).sum())
            correct += int(repeats[logits.argmax(1) == chunk.target].sum())
        return Evaluation(loss / int(counts.sum()), correct / int(counts.sum()))


def lr_factor(config: PalindromeConfig, epoch: int) -> float:
    """Factor of the learning rate after `epoch` epochs."""
    warmup = min(1.0, (epoch + 1) / (config.warmup_epochs + 1))
    if config.lr_schedule == "cosine":
        return warmup * (1 + math.cos(math.pi * epoch / config.epochs)) / 2
    return warmup * config.lr_step_factor ** (epoch // config.lr_step_epochs)


def _build_optimizer(config: PalindromeConfig, model: nn.Module) -> torch.optim.Optimizer:
    if config.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=config.learning_rate, betas=(0.9, config.adam_beta2))
    return torch.optim.RMSprop(model.parameters(), lr=config.learning_rate, alpha=config.rmsprop_alpha)
