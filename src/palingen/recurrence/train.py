"""One cell, one length, one seed: the experiment and its loop."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int64
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy

from palingen.config import check, check_types
from palingen.loop import Best, Loop, Means
from palingen.recurrence.cells import CellName
from palingen.recurrence.network import Classifier
from palingen.recurrence.palindromes import DIGITS, Encoding, Palindromes, Split, count_palindromes, encode, split
from palingen.runs import Run, open_run

EVALUATED_DIGITS = 100_000
"""Digits read at once when a network is evaluated; it bounds the memory for long palindromes."""


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

    learning_rate: float = 1e-3
    """RMSprop's step size."""

    alpha: float = 0.99
    """RMSprop's smoothing of the squared gradient."""

    decay_every: int = 100
    """Epochs after which the learning rate is multiplied by --decay."""

    decay: float = 0.1
    """Factor of the learning rate every --decay-every epochs."""

    max_norm: float = 10.0
    """The gradient is scaled down to this norm, after the backward pass and before the step."""

    seed: int = 0
    """Seed of the palindromes, the weights and the order."""

    def __post_init__(self) -> None:
        check_types(self)
        for name in ("hidden", "batch_size", "epochs", "decay_every"):
            check(self, name, getattr(self, name) >= 1, "at least 1")
        for name in ("learning_rate", "decay", "max_norm"):
            check(self, name, getattr(self, name) > 0, "above 0")
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


def network(config: PalindromeRun) -> Classifier:
    """The untrained network of an experiment; its seed decides the weights."""
    torch.manual_seed(config.seed)
    return Classifier(config.cell, 1 if config.encoding == "scalar" else DIGITS, config.hidden, DIGITS)


def train(config: PalindromeRun, folder: Path, device: torch.device, *, force: bool = False) -> dict[str, Any]:
    """Train in `folder`, or go on where it stopped; the result record of the finished run.

    The weights kept are those of the epoch with the lowest training loss: once the loss is tiny, so is RMSprop's
    running square of the gradient, and now and then a step is far too large and costs some epochs. The test palindromes
    have no say in it; what they would have said after every epoch is in the records.

    Raises:
        RunError: the folder is not this run's, or the loss is no longer a number.
        Interrupted: Ctrl-C; everything is saved.
    """
    with open_run(folder, config, force=force) as run:
        return run.result if run.finished else _train(config, run, device)


def _train(config: PalindromeRun, run: Run, device: torch.device) -> dict[str, Any]:
    parts = data(config)
    training = parts.train.to(device)
    test, counts = parts.test.to(device).distinct()
    model = network(config).to(device)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=config.learning_rate, alpha=config.alpha)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, config.decay_every, config.decay)
    best = Best()
    means = Means("loss", "accuracy", "gradient_norm", device=device)
    loop = Loop(
        run,
        f"{config.cell} T={config.length} seed {config.seed}",
        examples=len(training),
        batch_size=config.batch_size,
        epochs=config.epochs,
        seed=config.seed,
        device=device,
        parts={"model": model, "optimizer": optimizer, "schedule": schedule, "best": best, "means": means},
    )
    for batch in loop:
        target = training.target[batch.examples]
        logits = model(encode(training.seen[batch.examples], config.encoding))
        loss = cross_entropy(logits, target)  # (9)
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), config.max_norm)
        optimizer.step()
        means.add(loss, (logits.argmax(1) == target).float().mean(), norm, weight=len(target))
        if batch.ends_epoch:
            rate = schedule.get_last_lr()[0]
            schedule.step()
            looks = {**means.take(), **evaluate(model, test, counts, config.encoding)}
            run.record("epoch", epoch=batch.epoch, learning_rate=rate, **looks)
            best.offer(batch.epoch, looks["loss"], model)
            loop.show(batch, loss=looks["loss"], accuracy=looks["test_accuracy"])

    model.load_state_dict(best.weights)
    kept = evaluate(model, test, counts, config.encoding)
    return run.finish(
        best.weights,
        cell=config.cell,
        length=config.length,
        seed=config.seed,
        accuracy=kept["test_accuracy"],
        loss=kept["test_loss"],
        epoch=best.epoch,
        seconds=loop.seconds,
    )


@torch.no_grad()
def evaluate(
    model: nn.Module, palindromes: Palindromes, counts: Int64[Tensor, " B"], encoding: Encoding
) -> dict[str, float]:
    """The `test_loss`, a mean, and the `test_accuracy`, a share, on palindromes that are there `counts` times each."""
    loss, correct = 0.0, 0
    batch = max(1, EVALUATED_DIGITS // palindromes.digits.shape[1])
    for digits, times in zip(palindromes.digits.split(batch), counts.split(batch), strict=True):
        part = Palindromes(digits)
        logits: Tensor = model(encode(part.seen, encoding))
        loss += float((cross_entropy(logits, part.target, reduction="none") * times).sum())
        correct += int(times[logits.argmax(1) == part.target].sum())
    return {"test_loss": loss / int(counts.sum()), "test_accuracy": correct / int(counts.sum())}
