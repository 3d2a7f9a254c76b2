"""One cell, one length, one seed: the experiment and its loop."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy

from palingen.config import check, check_types
from palingen.errors import Interrupted, RunError
from palingen.interrupts import stop_requests
from palingen.progress import progress
from palingen.recurrence.cells import CellName
from palingen.recurrence.network import Classifier
from palingen.recurrence.palindromes import DIGITS, Encoding, Palindromes, Split, encode, split
from palingen.runs import Run, epoch_order, open_run

CHECKPOINT_EVERY = 20.0
"""Seconds between two checkpoints."""

EVALUATION_BATCH = 1000
"""Sequences evaluated at once."""


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
        distinct = min(self.samples, DIGITS ** min(self.length, 20))
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

    Raises:
        RunError: the folder is not this run's, or the loss is no longer a number.
        Interrupted: Ctrl-C; everything is saved.
    """
    with open_run(folder, config, force=force) as run:
        return run.result if run.finished else _train(config, run, device)


def _train(config: PalindromeRun, run: Run, device: torch.device) -> dict[str, Any]:
    parts = data(config)
    training, test = parts.train.to(device), parts.test.to(device)
    model = network(config).to(device)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=config.learning_rate, alpha=config.alpha)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, config.decay_every, config.decay)
    sums = torch.zeros(3, device=device)  # loss, correct answers and gradient norm of the epoch so far
    steps_an_epoch = -(-len(training) // config.batch_size)
    total = config.epochs * steps_an_epoch
    first, before = 0, 0.0
    stateful = {"model": model, "optimizer": optimizer, "schedule": schedule}
    if state := run.restore():
        for name, part in stateful.items():
            part.load_state_dict(state[name])
        first, before, sums = state["step"], state["seconds"], state["sums"].to(device)

    start = saved = time.monotonic()

    def save(step: int) -> None:
        states = {name: part.state_dict() for name, part in stateful.items()}
        run.checkpoint({**states, "step": step, "sums": sums, "seconds": before + time.monotonic() - start})

    label = f"{config.cell} T={config.length} seed {config.seed}"
    with stop_requests() as stop_asked, progress(label, total, "steps", first) as watcher:
        for step in range(first, total):
            epoch, place = divmod(step, steps_an_epoch)
            if stop_asked():
                save(step)
                raise Interrupted(f"stopped in epoch {epoch + 1} of {config.epochs}, saved in {run.folder}")
            if place == 0:
                sums.zero_()
            if place == 0 or step == first:
                order = epoch_order(len(training), config.seed, epoch).to(device)
            batch = order[place * config.batch_size : (place + 1) * config.batch_size]
            logits = model(encode(training.seen[batch], config.encoding))
            target = training.target[batch]
            loss = cross_entropy(logits, target)  # (9)
            optimizer.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), config.max_norm)
            optimizer.step()
            sums += torch.stack([loss.detach() * len(batch), (logits.argmax(1) == target).sum(), norm * len(batch)])
            if place + 1 < steps_an_epoch:
                continue
            epoch_loss, accuracy, gradient_norm = (sums / len(training)).tolist()
            if epoch_loss != epoch_loss:
                raise RunError(f"the loss is no longer a number in epoch {epoch + 1}; try a smaller --learning-rate")
            rate = schedule.get_last_lr()[0]
            schedule.step()
            test_loss, test_accuracy = evaluate(model, test, config.encoding)
            run.record(
                "epoch",
                epoch=epoch + 1,
                loss=epoch_loss,
                accuracy=accuracy,
                gradient_norm=gradient_norm,
                learning_rate=rate,
                test_loss=test_loss,
                test_accuracy=test_accuracy,
            )
            watcher.advance(step + 1, loss=epoch_loss, test_accuracy=test_accuracy)
            if time.monotonic() - saved > CHECKPOINT_EVERY:
                save(step + 1)
                saved = time.monotonic()

    test_loss, test_accuracy = evaluate(model, test, config.encoding)
    return run.finish(
        model.state_dict(),
        cell=config.cell,
        length=config.length,
        seed=config.seed,
        accuracy=test_accuracy,
        loss=test_loss,
        seconds=before + time.monotonic() - start,
    )


@torch.no_grad()
def evaluate(model: nn.Module, palindromes: Palindromes, encoding: Encoding) -> tuple[float, float]:
    """Mean loss and share of right answers of `model` on `palindromes`."""
    loss, correct = 0.0, 0
    for digits in palindromes.digits.split(EVALUATION_BATCH):
        part = Palindromes(digits)
        logits: Tensor = model(encode(part.seen, encoding))
        loss += cross_entropy(logits, part.target, reduction="sum").item()
        correct += int((logits.argmax(1) == part.target).sum())
    return loss / len(palindromes), correct / len(palindromes)
