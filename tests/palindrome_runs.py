"""Helpers of the tests that train on palindromes: interrupt runs, count their steps, and compare their folders."""

import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from palingen.recurrence.trainer import PalindromeTrainer
from palingen.runtime.run_files import read_records
from palingen.runtime.safetensors_io import load_weights

SMALL: dict[str, Any] = {"num_samples": 200, "hidden_size": 8, "batch_size": 32}
"""Settings of a run of 5 steps an epoch."""


def count_steps(patch: pytest.MonkeyPatch) -> list[int]:
    """List that gets an entry at every training step from now on."""
    step, steps = PalindromeTrainer.step, []

    def counted(self, *arguments):
        steps.append(len(steps) + 1)
        return step(self, *arguments)

    patch.setattr(PalindromeTrainer, "step", counted)
    return steps


def interrupt_at_step(patch: pytest.MonkeyPatch, number: int) -> None:
    """Press Ctrl-C at a training step."""
    steps = count_steps(patch)
    counted = PalindromeTrainer.step

    def interrupted(self, *arguments):
        result = counted(self, *arguments)
        if len(steps) == number:
            signal.raise_signal(signal.SIGINT)
        return result

    patch.setattr(PalindromeTrainer, "step", interrupted)


def diverge(patch: pytest.MonkeyPatch, seed: int) -> None:
    """Let trainings with this seed diverge at their first step."""
    sample_batch = PalindromeTrainer.sample_batch

    def sample_with_infinite_weights(self, indices):
        if self.config.seed == seed:
            for weights in self.model.parameters():
                weights.data.fill_(torch.inf)
        return sample_batch(self, indices)

    patch.setattr(PalindromeTrainer, "sample_batch", sample_with_infinite_weights)


def read_epochs(folder: Path) -> list[dict[str, Any]]:
    """Epoch records of a run."""
    return [record for record in read_records(folder) if record["kind"] == "epoch"]


def assert_same_weights(folder: Path, other: Path) -> None:
    """Check that two runs ended in the same weights, bit by bit."""
    ours, theirs = (load_weights(run / "weights.safetensors") for run in (folder, other))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
