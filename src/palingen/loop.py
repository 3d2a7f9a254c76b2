"""What every training loop keeps: its batches, its place, its running means, its noise. All of it resumes exactly."""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int64
from torch import Generator, Tensor, nn

from palingen.errors import DataError, Diverged, Interrupted
from palingen.interrupts import stop_requests
from palingen.progress import progress, unwatched
from palingen.runs import Run
from palingen.team import Team

CHECKPOINT_EVERY = 30.0
"""Seconds between two checkpoints."""

AGREE_EVERY = 10
"""Steps after which several processes ask each other whether one was told to stop."""


@runtime_checkable
class Stateful(Protocol):
    """A part of a loop that must come back as it was: a network, an optimiser, a schedule, ..."""

    def state_dict(self) -> dict[str, Any]: ...  # noqa: D102

    def load_state_dict(self, state: dict[str, Any], /) -> Any: ...  # noqa: D102


class Means:
    """Running means of some numbers, kept on the device so that no step waits for them."""

    def __init__(self, *names: str, device: torch.device, team: Team | None = None) -> None:
        self.names, self.team = names, team
        self._sums = torch.zeros(len(names) + 1, device=device)  # the last one sums the weights

    def add(self, *values: Tensor, weight: float = 1.0) -> None:
        """Take in one number for each name, `weight` times."""
        numbers = [value.detach().float() for value in values]
        self._sums += weight * torch.stack([*numbers, torch.ones_like(self._sums[-1])])

    def take(self) -> dict[str, float]:
        """The means since the last time, of all processes that train together, by name; start over.

        Raises:
            Diverged: one of them is no longer finite.
        """
        if self.team:
            self.team.add_up([self._sums])
        *sums, weight = self._sums.tolist()
        self._sums.zero_()
        means = {name: value / weight for name, value in zip(self.names, sums, strict=True)}
        for name, mean in means.items():
            if not math.isfinite(mean):
                raise Diverged(f"{name} is no longer a finite number; try a smaller --learning-rate")
        return means

    def state_dict(self) -> dict[str, Any]:
        """What has been summed so far."""
        return {"sums": self._sums.cpu()}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Go on summing from there."""
        self._sums.copy_(state["sums"])


class Noise:
    """Standard normal noise from a generator of its own."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self._generator = Generator(device).manual_seed(seed)

    def draw(self, *shape: int) -> Float[Tensor, "..."]:
        """The next numbers."""
        return torch.randn(*shape, generator=self._generator, device=self._generator.device)

    def state_dict(self) -> dict[str, Any]:
        """Where the generator is."""
        return {"generator": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Go on from there."""
        self._generator.set_state(state["generator"])


class Best:
    """The weights of the epoch with the lowest loss, among those of the highest level."""

    def __init__(self) -> None:
        self.epoch, self.loss, self.level = 0, math.inf, -1
        self.weights: dict[str, Tensor] = {}

    def offer(self, epoch: int, loss: float, model: nn.Module, level: int = 0) -> None:
        """Keep a copy of the model's weights if no other epoch had as high a level and as low a loss."""
        if (level, -loss) > (self.level, -self.loss):
            self.epoch, self.loss, self.level = epoch, loss, level
            self.weights = {name: weight.detach().clone() for name, weight in model.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """What is kept."""
        return vars(self)

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Go on from there."""
        vars(self).update(state)


@dataclass(frozen=True)
class Batch:
    """One step's examples and its place in the whole."""

    examples: Int64[Tensor, " B"]
    """Positions in the data set."""

    step: int
    """Steps done once this one is."""

    epoch: int
    """The epoch it belongs to, from 1."""

    ends_epoch: bool
    """Whether it is the last of its epoch."""


class Loop:
    """Iterate over the batches of all epochs, from where the run stopped; save now and then, and on Ctrl-C."""

    def __init__(
        self,
        run: Run,
        label: str,
        *,
        examples: int,
        batch_size: int,
        epochs: int,
        seed: int,
        device: torch.device,
        parts: Mapping[str, Stateful],
        smallest: int = 1,
        team: Team | None = None,
    ) -> None:
        """Restore `parts` if the run has a checkpoint.

        Args:
            run: the run that is trained.
            label: its name beside the progress bar.
            examples: size of the data set.
            batch_size: examples a step.
            epochs: passes over the data set.
            seed: of the order.
            device: where the batches' indices are wanted.
            parts: everything that a checkpoint must hold, by name.
            smallest: a last batch of an epoch with fewer examples is left out.
            team: the processes that train together, if there are several.

        Raises:
            DataError: there are too few examples for a single step.
        """
        self.run, self.label, self.parts, self.device = run, label, parts, device
        self.team = team or Team(device)
        self.examples, self.batch_size, self.epochs, self.seed = examples, batch_size, epochs, seed
        self.steps_an_epoch = examples // batch_size + (examples % batch_size >= smallest)
        self.total = epochs * self.steps_an_epoch
        if not self.total:
            raise DataError(f"a step needs at least {smallest} examples, and there are {examples}")
        self.first, self._before = 0, 0.0
        if state := run.restore():
            for name, part in parts.items():
                part.load_state_dict(state[name])
            self.first, self._before = state["step"], state["seconds"]
        self._start = self._saved = time.monotonic()

    @property
    def seconds(self) -> float:
        """Time spent on the run so far, its earlier starts included."""
        return self._before + time.monotonic() - self._start

    def __iter__(self) -> Iterator[Batch]:
        watched = progress(self.label, self.total, "steps", self.first) if self.team.leads else unwatched()
        with stop_requests() as asked, watched as self._watcher:
            for step in range(self.first, self.total):
                epoch, place = divmod(step, self.steps_an_epoch)
                stop = self._agree(step, asked())
                if stop or time.monotonic() - self._saved > CHECKPOINT_EVERY:
                    self._save(step)
                if stop:
                    raise Interrupted(f"stopped in epoch {epoch + 1} of {self.epochs}, saved in {self.run.folder}")
                if place == 0 or step == self.first:
                    order = torch.randperm(self.examples, generator=_epoch_generator(self.seed, epoch))
                    batches = order.to(self.device).split(self.batch_size)
                yield Batch(batches[place], step + 1, epoch + 1, place + 1 == self.steps_an_epoch)

    def show(self, batch: Batch, **numbers: float) -> None:
        """Let the person who waits see these numbers."""
        self._watcher.advance(batch.step, **numbers)

    def _agree(self, step: int, asked: bool) -> bool:
        """Whether to stop before this step, all processes or none."""
        return asked if self.team.size == 1 else step % AGREE_EVERY == 0 and self.team.any(asked)

    def _save(self, step: int) -> None:
        states = {name: part.state_dict() for name, part in self.parts.items()}
        self.run.checkpoint({**states, "step": step, "seconds": self.seconds})
        self._saved = time.monotonic()


def _epoch_generator(seed: int, epoch: int) -> Generator:
    """The randomness of one epoch's order; it depends on nothing else, so a resumed run needs no memory of it."""
    return Generator().manual_seed(1_000_003 * (seed + 1) + epoch)
