"""GAN training: the loop."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch

from palingen.gan.config import GanConfig, require_classes
from palingen.gan.data.dataset_info import require_same_images, write_info
from palingen.gan.data.datasets import ImageDataset, dataset_size, load_dataset
from palingen.gan.evaluation.best_generator import BestGenerator
from palingen.gan.evaluation.monitor import Monitor, is_monitor_epoch, require_monitor
from palingen.gan.feature_training import require_feature_classes
from palingen.gan.frechet_tuning import FrechetTuning
from palingen.gan.memory_estimate import require_training_memory
from palingen.gan.sampling.snapshots import SnapshotWriter
from palingen.gan.steps import EngineName
from palingen.gan.steps.forward import is_bfloat16_emulated
from palingen.gan.steps.protocol import StepMetrics
from palingen.gan.trainer import GanTrainer, require_engine, require_user_parts
from palingen.runtime.distributed import ProcessGroup
from palingen.runtime.errors import RunError
from palingen.runtime.numerics import as_device, configure_numerics
from palingen.runtime.run_folder import RunFolder, open_run
from palingen.runtime.running_means import RunningMeans
from palingen.runtime.tracking.trackers import Trackers, require_trackers
from palingen.runtime.training_loop import Batch, BatchPlan, TrainingLoop
from palingen.runtime.validation import require, require_field

METRICS = StepMetrics._fields
"""Metrics of a record, averaged over the steps since the record before."""


def train_gan(
    config: GanConfig,
    folder: Path | str,
    device: torch.device | str | None = None,
    *,
    engine: EngineName = "auto",
    force: bool = False,
    allow_engine_change: bool = False,
    trackers: Trackers = (),
    process_group: ProcessGroup | None = None,
) -> dict[str, Any]:
    """Train in a run folder, or resume the run that is there; return its result record.

    Args:
        config: the experiment.
        folder: run folder; may be missing, or hold the same run.
        device: where to train; the CPU by default. Ignored if there is a process group.
        engine: implementation of the training step; `auto` is the fastest, all are equal up to rounding.
        force: delete what the folder holds.
        allow_engine_change: resume even if engine, threads, device or processes differ, and not exactly then.
        trackers: `tensorboard`, `wandb`, `mlflow`: logs of the run beside its own records.
        process_group: processes that train together, each on its shard of every batch; the main one writes.

    Raises:
        ConfigError: engine, images or a user's part do not fit the config, a tracker or enough memory is missing.
        DataError: the images are missing, damaged or too few, or lack classes or a classifier that the config needs.
        RunError: the folder holds something else; its subclass DivergenceError: a loss is no longer finite.
        Interrupted: Ctrl-C; everything is saved.
    """
    require("config", config, isinstance(config, GanConfig), "must be a GanConfig")
    folder, process_group = Path(folder), process_group or ProcessGroup(as_device(device))
    is_finished = not force and (folder / "weights.safetensors").exists()
    dataset = None if is_finished else _require_trainable(config, engine, process_group)
    configure_numerics()
    with _open_together(folder, config, force, process_group, trackers) as run:
        if dataset is None or run.finished:
            return run.result
        trainer = GanTrainer(config, dataset, process_group, engine)
        run.set_execution(trainer.execution, allow_change=allow_engine_change)
        return _train(run, trainer)


def _require_trainable(config: GanConfig, engine: EngineName, process_group: ProcessGroup) -> ImageDataset:
    """Training images, after all checks of an experiment: in every process, before a folder is made or emptied."""
    processes = process_group.world_size
    rule = f"must be at least {2 * processes} with {processes} processes"
    require_field(config, "batch_size", config.batch_size >= 2 * processes, rule)
    require_classes(config)
    require_training_memory(config, dataset_size(config.data), process_group.device)
    require_user_parts(config)
    require_engine(engine, config, process_group.device)
    dataset = load_dataset(config.data, process_group.device)
    total_steps = _plan(config, dataset, process_group).total_steps
    require_monitor(config, dataset)
    if config.frechet_steps and config.frechet_steps < total_steps:
        require_feature_classes(config, dataset)
    return dataset


def _plan(config: GanConfig, dataset: ImageDataset, process_group: ProcessGroup) -> BatchPlan:
    return BatchPlan(
        dataset_size=len(dataset),
        batch_size=config.batch_size,
        epochs=config.epochs,
        seed=config.seed,
        min_batch_size=2 * process_group.world_size,  # BatchNorm needs two images
    )


@contextmanager
def _open_together(
    folder: Path, config: GanConfig, force: bool, process_group: ProcessGroup, trackers: Trackers
) -> Iterator[RunFolder]:
    """Open the run folder in the main process first, which creates it for the others."""
    require_trackers(trackers)  # in every process, since the others wait for the main one
    is_main = process_group.is_main
    if not is_main and process_group.any_rank(False):
        raise RunError(f"{folder}: the main process cannot open it")
    with ExitStack() as stack:
        failed = True
        try:
            run = stack.enter_context(open_run(folder, config, force=force, is_main=is_main, trackers=trackers))
            failed = False
        finally:
            if is_main:
                process_group.any_rank(failed)
        yield run


def _train(run: RunFolder, trainer: GanTrainer) -> dict[str, Any]:
    config, process_group = trainer.config, trainer.process_group
    require_same_images(run.folder, trainer.dataset.info)  # in every process, since the others wait for the main one
    if process_group.is_main and is_bfloat16_emulated(config.precision, process_group.device):
        print("gan: this CPU has no bfloat16 arithmetic; precision=float32 is faster here", file=sys.stderr)
    means = RunningMeans(*METRICS, process_group=process_group)
    plan = _plan(config, trainer.dataset, process_group)
    best = BestGenerator() if config.keep == "best" else None
    tuning = _tuning(trainer, plan.total_steps)
    state = {
        **trainer.state, "means": means, **({"best": best} if best else {}), **(tuning.state if tuning else {})
    }  # fmt: skip
    loop = TrainingLoop(run, "gan", plan, state, process_group)
    recorder = _Recorder(run, trainer, plan.total_steps, best) if process_group.is_main else None
    if not loop.resume() and recorder:
        recorder.snapshots.write(trainer.generator, 0)
    for batch in loop:
        progress, lr = tuning.prepare(batch.step) if tuning else (batch.step / plan.total_steps, None)
        metrics = trainer.step(batch.indices, batch.step, progress, lr)
        if tuning:
            tuning.step(batch.step)
        means.add(*metrics, weight=len(process_group.shard(batch.indices)) / len(batch.indices))
        if batch.step % config.log_interval == 0 or batch.step == plan.total_steps:
            averages = loop.averages(means, batch)
            run.log("step", step=batch.step, epoch=batch.step / plan.steps_per_epoch, **averages)
            loop.report(batch, **{name: averages[name] for name in ("real_accuracy", "fake_accuracy")})
        if recorder:
            recorder.record(batch)
    process_group.assert_replicas_equal([weight for weight in trainer.weights.values() if weight.is_floating_point()])
    counts = {"epochs": config.epochs, "steps": plan.total_steps, "seed": config.seed}
    if best:
        counts["best_epoch"] = best.epoch
    return run.finalize(trainer.weights, **counts, seconds=loop.seconds, **averages)


def _tuning(trainer: GanTrainer, total_steps: int) -> FrechetTuning | None:
    """Matching steps at the end of the training; None if there are none, or it is too short for them."""
    steps = trainer.config.frechet_steps
    if steps is None or steps < total_steps:
        return FrechetTuning(trainer, total_steps) if steps else None
    if trainer.process_group.is_main:
        print(f"gan: only {total_steps:,} steps, so without the last {steps:,} with a Frechet loss", file=sys.stderr)
    return None


class _Recorder:
    """Snapshots and monitoring, when they are due, and the best generator, if it is to be kept."""

    def __init__(self, run: RunFolder, trainer: GanTrainer, total_steps: int, best: BestGenerator | None) -> None:
        self.run, self.trainer, self.total_steps, self.best = run, trainer, total_steps, best
        write_info(run.folder, trainer.dataset.info)
        self.snapshots = SnapshotWriter(run, trainer.config, trainer.num_classes, total_steps)
        self.monitor = Monitor.create(trainer.config, trainer.dataset)

    def record(self, batch: Batch) -> None:
        """Write the monitoring record and the snapshot that are due after a step."""
        if self.monitor and self._is_monitored(batch):
            generator = self.trainer.sampling_generator()
            metrics = self.monitor.evaluate(generator, batch.epoch)
            self.run.log("monitor", epoch=batch.epoch, **metrics)
            if self.best:
                self.best.update(batch.epoch, generator, metrics)
        if self.snapshots.is_due(batch.step):
            generator = self.trainer.sampling_generator()
            if self.best and batch.step == self.total_steps:
                generator = self.best.load_into_copy(generator)
            self.snapshots.write(generator, batch.step)

    def _is_monitored(self, batch: Batch) -> bool:
        return batch.is_epoch_end and (
            self.best is not None or is_monitor_epoch(batch.epoch, self.trainer.config.epochs)
        )
