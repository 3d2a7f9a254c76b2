"""Resumable training loop: batches, position, running means. A resumed run sees exactly what it would have seen."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Int64
from torch import Generator, Tensor

from palingen.runtime.checkpoint import non_finite, restore
from palingen.runtime.config_io import describe_config
from palingen.runtime.distributed import ProcessGroup
from palingen.runtime.errors import DataError, DivergenceError, Interrupted
from palingen.runtime.global_random_state import GlobalRandomState
from palingen.runtime.json_io import damaged
from palingen.runtime.progress import no_progress, progress
from palingen.runtime.run_files import ADVICE
from palingen.runtime.run_folder import RunFolder
from palingen.runtime.running_means import RunningMeans
from palingen.runtime.signals import graceful_interrupt

CHECKPOINT_INTERVAL_S = 30.0
"""Seconds between two checkpoints."""

STOP_CHECK_INTERVAL = 10
"""Steps between two agreements of the processes of a distributed run to save, or to stop."""


@runtime_checkable
class Stateful(Protocol):
    """Object with resumable state: a network, an optimiser, a schedule, ..."""

    def state_dict(self) -> dict[str, Any]: ...  # noqa: D102

    def load_state_dict(self, state: dict[str, Any], /) -> Any: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    """Order and size of all batches of a training. Each epoch shuffles the data set anew."""

    dataset_size: int
    """Examples in the data set."""

    batch_size: int
    """Examples a step."""

    epochs: int
    """Passes over the data set."""

    seed: int
    """Seed of the order."""

    min_batch_size: int = 1
    """The last batch of an epoch is dropped if it is smaller."""

    def __post_init__(self) -> None:
        if not self.total_steps:
            raise DataError(
                f"a step needs at least {self.min_batch_size} examples, the data set has {self.dataset_size}"
            )

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one epoch."""
        full, rest = divmod(self.dataset_size, self.batch_size)
        return full + (rest >= self.min_batch_size)

    @property
    def total_steps(self) -> int:
        """Batches of all epochs."""
        return self.epochs * self.steps_per_epoch

    def batches(self, epoch: int, device: torch.device) -> list[Int64[Tensor, " B"]]:
        """Indices of every batch of an epoch (from 0). They depend on seed and epoch alone."""
        generator = Generator().manual_seed(1_000_003 * (self.seed + 1) + epoch)
        order = torch.randperm(self.dataset_size, generator=generator)
        return list(order.to(device).split(self.batch_size)[: self.steps_per_epoch])


@dataclass(frozen=True)
class Batch:
    """Indices of one step's examples, and the step's position in the training."""

    indices: Int64[Tensor, " B"]
    """Positions in the data set."""

    step: int
    """Number of the step, from 1."""

    epoch: int
    """Number of its epoch, from 1."""

    is_epoch_end: bool
    """Whether it is the last batch of its epoch."""


class TrainingLoop:
    """Iterator over all remaining batches of a run. Saves checkpoints regularly, and on Ctrl-C.

    Args:
        run: run folder to save to.
        label: name beside the progress bar.
        plan: order of the batches.
        state: everything a checkpoint must hold, by name, but torch's global random generators, which are added.
        process_group: processes that train together.
    """

    def __init__(
        self, run: RunFolder, label: str, plan: BatchPlan, state: Mapping[str, Stateful], process_group: ProcessGroup
    ) -> None:
        self.run, self.label, self.plan, self.process_group = run, label, plan, process_group
        self.state = {**state, "global_random_state": GlobalRandomState(process_group.device)}
        self.start_step, self._seconds_before = 0, 0.0
        self._saved_step: int | None = None
        self._started = self._saved = time.monotonic()

    @property
    def seconds(self) -> float:
        """Training time so far, earlier starts included."""
        return self._seconds_before + time.monotonic() - self._started

    def resume(self) -> bool:
        """Restore `state` and position from the run's checkpoint; False if there is none.

        Raises:
            DataError: the checkpoint is damaged.
        """
        checkpoint = self.run.load_checkpoint()
        if checkpoint is None:
            return False
        restore(self.run.checkpoint_path, self.state, checkpoint)
        self.start_step, self._seconds_before = checkpoint["step"], checkpoint["seconds"]
        if not 0 <= self.start_step < self.plan.total_steps:
            raise damaged(self.run.checkpoint_path, f"step {self.start_step} of {self.plan.total_steps}", ADVICE)
        self._saved_step = self.start_step
        return True

    def __iter__(self) -> Iterator[Batch]:
        plan = self.plan
        is_main, device = self.process_group.is_main, self.process_group.device
        bar = progress(self.label, plan.total_steps, "steps", self.start_step) if is_main else no_progress()
        with graceful_interrupt() as stop_requested, bar as self._bar:
            for step in range(self.start_step, plan.total_steps):
                epoch, position = divmod(step, plan.steps_per_epoch)
                stop = self._should_stop(step, stop_requested())
                if stop:
                    self._save_together(step)
                    raise Interrupted(f"stopped in epoch {epoch + 1} of {plan.epochs}, saved in {self.run.folder}")
                if self._is_save_due(step):
                    self._save(step)
                if position == 0 or step == self.start_step:
                    batches = plan.batches(epoch, device)
                yield Batch(batches[position], step + 1, epoch + 1, position + 1 == plan.steps_per_epoch)

    def averages(self, means: RunningMeans, batch: Batch) -> dict[str, float]:
        """Means since the last time, after a step.

        Raises:
            DivergenceError: one is not finite; names the step, the settings and the checkpoint that is left.
        """
        try:
            return means.compute_and_reset()
        except DivergenceError as error:
            raise self._divergence(str(error), batch.step) from error

    def report(self, batch: Batch, **metrics: float) -> None:
        """Show metrics beside the progress bar."""
        self._bar.advance(batch.step, **metrics)

    def _should_stop(self, step: int, stop_requested: bool) -> bool:
        """Whether to stop before this step: all processes or none."""
        if self.process_group.world_size == 1:
            return stop_requested
        return step % STOP_CHECK_INTERVAL == 0 and self.process_group.any_rank(stop_requested)

    def _is_save_due(self, step: int) -> bool:
        """Whether to save before this step: all processes or none, since a checkpoint holds their common means."""
        is_due = time.monotonic() - self._saved > CHECKPOINT_INTERVAL_S
        if self.process_group.world_size == 1:
            return is_due
        return step % STOP_CHECK_INTERVAL == 0 and self.process_group.any_rank(is_due)

    def _save(self, step: int) -> None:
        states = {name: part.state_dict() for name, part in self.state.items()}
        if name := non_finite(states):
            raise self._divergence(f"{name} is no longer finite", step)
        self.run.save_checkpoint({**states, "step": step, "seconds": self.seconds})
        self._saved, self._saved_step = time.monotonic(), step

    def _save_together(self, step: int) -> None:
        """Save before a stop, and wait for all processes: Fabric kills the main one soon after another has left."""
        try:
            self._save(step)
        finally:
            self.process_group.barrier()

    def _divergence(self, problem: str, step: int) -> DivergenceError:
        position = f"step {step} of {self.plan.total_steps}"
        checkpoint = f"the checkpoint of step {self._saved_step} is kept" if self._saved_step else "no checkpoint yet"
        advice = "try a smaller learning_rate"
        return DivergenceError(
            f"{self.run.folder}: {problem} at {position} ({describe_config(self.run.config)}); {checkpoint}; {advice}"
        )
