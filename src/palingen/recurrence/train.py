"""One cell, one length, one seed: the loop."""

import math
from functools import partial
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from palingen.loop import Best, Loop, Means
from palingen.recurrence.engines import EngineName
from palingen.recurrence.experiment import PalindromeRun, data, network
from palingen.recurrence.palindromes import Encoding, Palindromes, encode
from palingen.recurrence.stream import Curriculum, Stream
from palingen.runs import Run, open_run

VALIDATED = 1000
"""New palindromes on which a stream's network is judged after every epoch, to keep its best weights."""

EVALUATED_DIGITS = 400_000
"""Digits read at once when a network is evaluated; it bounds the memory for long palindromes."""


def train(
    config: PalindromeRun, folder: Path, device: torch.device, *, engine: EngineName = "auto", force: bool = False
) -> dict[str, Any]:
    """Train in `folder`, or go on where it stopped; the result record of the finished run.

    The weights kept are those of the epoch with the lowest training loss: once the loss is tiny, so is RMSprop's
    running square of the gradient, and now and then a step is far too large and costs some epochs. The test palindromes
    have no say in it; what they would have said after every epoch is in the records. Under a curriculum, only epochs
    of the longest palindromes compare.

    Raises:
        RunError: the folder is not this run's.
        Diverged: the loss is no longer a number.
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
