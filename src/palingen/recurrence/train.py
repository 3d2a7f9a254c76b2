"""Palindrome training: the loop."""

from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.engines import EngineName
from palingen.recurrence.memory_estimate import require_training_memory
from palingen.recurrence.trainer import METRICS, PalindromeTrainer, require_engine
from palingen.runtime.distributed import ProcessGroup
from palingen.runtime.numerics import as_device, configure_numerics, current_execution
from palingen.runtime.run_folder import RunFolder, open_run
from palingen.runtime.running_means import RunningMeans
from palingen.runtime.tracking.trackers import Trackers
from palingen.runtime.training_loop import BatchPlan, TrainingLoop
from palingen.runtime.user_code import part_label
from palingen.runtime.validation import require


def train_palindrome(
    config: PalindromeConfig,
    folder: Path | str,
    device: torch.device | str | None = None,
    *,
    engine: EngineName = "auto",
    force: bool = False,
    allow_engine_change: bool = False,
    trackers: Trackers = (),
) -> dict[str, Any]:
    """Train in a run folder, or resume the run that is there; return its result record.

    The weights kept are those of the epoch with the lowest training loss: once the loss is tiny, RMSprop's average of
    the squared gradient is tiny too, and now and then one step is far too large and costs several epochs. With online
    data, it is the epoch with the lowest loss on new palindromes. The test set is never used to choose.

    Args:
        config: the experiment.
        folder: run folder; may be missing, or hold the same run.
        device: where to train; the CPU by default.
        engine: implementation of the recurrence; `auto` is the fastest, all are equal up to rounding.
        force: delete what the folder holds.
        allow_engine_change: resume even if engine, threads or device differ, which no longer resumes exactly.
        trackers: `tensorboard`, `wandb`, `mlflow`: logs of the run beside its own records.

    Raises:
        ConfigError: the engine cannot run the cell here, the cell does not fit, a tracker or memory is missing.
        RunError: the folder holds something else; its subclass DivergenceError: the loss is no longer finite.
        Interrupted: Ctrl-C; everything is saved.
    """
    require("config", config, isinstance(config, PalindromeConfig), "must be a PalindromeConfig")
    if force or not (Path(folder) / "weights.safetensors").exists():  # before a folder is made or emptied
        _require_trainable(config, engine, as_device(device))
    configure_numerics()
    with open_run(Path(folder), config, force=force, trackers=trackers) as run:
        if run.finished:
            return run.result
        trainer = PalindromeTrainer(config, as_device(device), engine)
        run.set_execution(current_execution(trainer.engine, trainer.device), allow_change=allow_engine_change)
        return _train(run, trainer)


def _require_trainable(config: PalindromeConfig, engine: EngineName, device: torch.device) -> None:
    require_training_memory(config, engine, device)
    require_engine(config, engine, device)


def _train(run: RunFolder, trainer: PalindromeTrainer) -> dict[str, Any]:
    config, process_group = trainer.config, ProcessGroup(trainer.device)
    means = RunningMeans(*METRICS, process_group=process_group)
    train_samples = round(config.train_fraction * config.num_samples)
    plan = BatchPlan(dataset_size=train_samples, batch_size=config.batch_size, epochs=config.epochs, seed=config.seed)
    label = f"{part_label(config.cell)} T={config.length:,} seed {config.seed}"
    loop = TrainingLoop(run, label, plan, {**trainer.state, "means": means}, process_group)
    loop.resume()
    for batch in loop:
        palindromes = trainer.sample_batch(batch.indices)
        logits = trainer.model(trainer.encode(palindromes))
        loss = cross_entropy(logits, palindromes.target)  # (9)
        grad_norm = trainer.step(loss, palindromes.length)
        correct = logits.argmax(1) == palindromes.target
        means.add(loss, correct.float().mean(), grad_norm, weight=len(correct))
        trainer.curriculum.update(correct)
        if batch.is_epoch_end:
            metrics = trainer.end_epoch(batch.epoch, loop.averages(means, batch))
            run.log("epoch", epoch=batch.epoch, **metrics)
            loop.report(batch, **{name: metrics[name] for name in ("length", "loss", "test_accuracy")})
            if trainer.should_stop(metrics):
                break

    trainer.model.load_state_dict(trainer.best.weights)
    test = trainer.evaluate_test()
    return run.finalize(
        trainer.best.weights,
        cell=part_label(config.cell),
        length=config.length,
        seed=config.seed,
        accuracy=test.accuracy,
        loss=test.loss,
        epoch=trainer.best.epoch,
        steps=batch.step,
        curriculum_length=trainer.curriculum.length,
        seconds=loop.seconds,
    )
