"""One cell, one length, one seed: the experiment and its loop."""

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Int64
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy

from palingen.config import check, check_types
from palingen.loop import Best, Loop, Means
from palingen.recurrence import initial
from palingen.recurrence.cells import CellName
from palingen.recurrence.engines import EngineName
from palingen.recurrence.network import Classifier
from palingen.recurrence.palindromes import DIGITS, Encoding, Palindromes, Split, count_palindromes, encode, split
from palingen.recurrence.stream import Curriculum, Stream
from palingen.runs import Run, open_run

VALIDATED = 1000
"""New palindromes on which a stream's network is judged after every epoch, to keep its best weights."""

EVALUATED_DIGITS = 400_000
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


def train(
    config: PalindromeRun, folder: Path, device: torch.device, *, engine: EngineName = "auto", force: bool = False
) -> dict[str, Any]:
    """Train in `folder`, or go on where it stopped; the result record of the finished run.

    The weights kept are those of the epoch with the lowest training loss: once the loss is tiny, so is RMSprop's
    running square of the gradient, and now and then a step is far too large and costs some epochs. The test palindromes
    have no say in it; what they would have said after every epoch is in the records. Under a curriculum, only epochs
    of the longest palindromes compare.

    Raises:
        RunError: the folder is not this run's, or the loss is no longer a number.
        ConfigError: the engine cannot run this cell here.
        Interrupted: Ctrl-C; everything is saved.
    """
    with open_run(folder, config, force=force) as run:
        return run.result if run.finished else _train(config, run, device, engine)


def _train(config: PalindromeRun, run: Run, device: torch.device, engine: EngineName) -> dict[str, Any]:
    parts = data(config)
    training = parts.train.to(device)
    test, counts = parts.test.to(device).distinct()
    model = network(config, engine).to(device)
    optimizer = _optimizer(config, model)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, partial(_rate, config))
    stream = Stream(parts.test, config.seed)
    curriculum = Curriculum(config.length, config.first_length, config.growth, config.curriculum)
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
        parts={
            "model": model,
            "optimizer": optimizer,
            "schedule": schedule,
            "stream": stream,
            "curriculum": curriculum,
            "best": best,
            "means": means,
        },
    )
    for batch in loop:
        if config.stream:
            palindromes = stream.draw(len(batch.examples), curriculum.length).to(device)
        else:
            palindromes = Palindromes(training.digits[batch.examples])
        logits = model(encode(palindromes.seen, config.encoding))
        loss = cross_entropy(logits, palindromes.target)  # (9)
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), config.max_norm)
        _slow_down(config, optimizer, float(schedule.get_last_lr()[0]), palindromes.digits.shape[1])
        optimizer.step()
        right = logits.argmax(1) == palindromes.target
        means.add(loss, right.float().mean(), norm, weight=len(right))
        curriculum.see(right)
        if batch.ends_epoch:
            rate = schedule.get_last_lr()[0]
            schedule.step()
            looks = {**means.take(), **evaluate(model, test, counts, config.encoding)}
            judged = looks["loss"], looks["accuracy"]
            if config.stream:
                fresh, once = stream.draw(VALIDATED, curriculum.length).to(device).distinct()
                validation = evaluate(model, fresh, once, config.encoding)
                judged = validation["test_loss"], validation["test_accuracy"]
                looks |= {"validation_loss": judged[0], "validation_accuracy": judged[1]}
            run.record("epoch", epoch=batch.epoch, learning_rate=rate, length=curriculum.length, **looks)
            best.offer(batch.epoch, judged[0], model, level=curriculum.length)
            loop.show(batch, length=curriculum.length, loss=looks["loss"], accuracy=looks["test_accuracy"])
            if curriculum.length == config.length and 0 < config.stop_at <= judged[1]:
                break

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
        steps=batch.step,
        seconds=loop.seconds,
    )


def _optimizer(config: PalindromeRun, model: nn.Module) -> torch.optim.Optimizer:
    if config.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=config.learning_rate, betas=(0.9, config.alpha))
    return torch.optim.RMSprop(model.parameters(), lr=config.learning_rate, alpha=config.alpha)


def _rate(config: PalindromeRun, epoch: int) -> float:
    """The learning rate's factor in the epoch after `epoch` others."""
    rising = min(1.0, (epoch + 1) / (config.warmup + 1))
    if config.schedule == "cosine":
        return rising * (1 + math.cos(math.pi * epoch / config.epochs)) / 2
    return rising * config.decay ** (epoch // config.decay_every)


def _slow_down(config: PalindromeRun, optimizer: torch.optim.Optimizer, rate: float, length: int) -> None:
    """The schedule's learning rate, made smaller for a longer sequence."""
    for group in optimizer.param_groups:
        group["lr"] = rate * (config.first_length / length) ** config.length_decay


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
