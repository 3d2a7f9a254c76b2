"""Memory of a palindrome training, estimated from its config before anything is allocated.

The factors are measured as peaks of short trainings, and a test holds them to half and twice such peaks.
"""

from collections.abc import Sequence
from math import ceil

import torch

from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.engines import EngineName
from palingen.recurrence.layers import weight_bytes
from palingen.recurrence.palindromes import NUM_DIGITS, split_need
from palingen.recurrence.segments import segment_steps
from palingen.recurrence.trainer import MAX_EVALUATION_DIGITS, VALIDATION_SAMPLES
from palingen.recurrence.user_cells import load_cell
from palingen.runtime.memory import Need, require_memory

FLOATS_PER_UNIT = {
    "auto": (1.5, 2.0),
    "native": (1.5, 2.0),
    "triton": (2.0, 1.5),
    "compiled": (3.0, 1.0),
    "reference": (5.0, 2.0),
}
"""Numbers of 4 bytes that a training step holds for each digit and hidden unit, by engine: for each gate, and for each
part of the state. `auto` is taken for the native engine, which needs least, so that nothing is refused wrongly. Those
of `triton` are counted, not measured: projections or their gradients, saved values, states."""

FLOATS_PER_INPUT = {"scalar": 2, "one-hot": 14}
"""Numbers of 4 bytes for each digit that is encoded."""

VECTOR = 16
"""Hidden units are padded to whole vectors of at most this many numbers."""

WEIGHT_COPIES = 10
"""Copies of the weights: gradients, averages of the optimiser and its temporary values, best weights, files."""


def training_needs(config: PalindromeConfig, engine: EngineName = "auto") -> list[Need]:
    """Memory of each part of a training, beyond that of the process before it."""
    inputs = 1 if config.input_encoding == "scalar" else NUM_DIGITS
    weights = weight_bytes(load_cell(config.cell), inputs, config.hidden_size)
    return [
        split_need(config.length, config.num_samples, 1 - config.train_fraction if config.online_data else 1.0),
        Need("the weights and their optimiser", WEIGHT_COPIES * weights, "hidden_size"),
        Need("a batch of sequences", 4 * _step_floats(config, engine), "length, batch_size or hidden_size"),
    ]


def require_training_memory(
    config: PalindromeConfig, engine: EngineName = "auto", device: torch.device | None = None
) -> None:
    """Raise ConfigError if a training cannot fit into memory."""
    require_memory("the training", *training_needs(config, engine), device=device)


def require_study_memory(runs: Sequence[PalindromeConfig], engine: EngineName, jobs: int) -> None:
    """Raise ConfigError if the largest `jobs` runs of a study cannot fit into memory beside each other."""
    totals = sorted((sum(need.num_bytes for need in training_needs(run, engine)) for run in runs), reverse=True)
    largest = totals[:jobs]
    require_memory(
        f"the study, {len(largest)} runs at a time,", Need("them", sum(largest), "jobs, or the largest length")
    )


def _step_floats(config: PalindromeConfig, engine: EngineName) -> float:
    """Numbers held by a training step or by an evaluation, which are not held at the same time."""
    cell = load_cell(config.cell)
    per_gate, per_state = FLOATS_PER_UNIT.get(engine, FLOATS_PER_UNIT["auto"])  # the trainer refuses an unknown one
    units = VECTOR * ceil(config.hidden_size / VECTOR)
    per_input = FLOATS_PER_INPUT[config.input_encoding] * config.length
    trained, evaluated = _sequences(config)
    training = _segment(config, trained, store=True) * (per_gate * len(cell.gates) + per_state * len(cell.state))
    evaluation = _segment(config, evaluated, store=False) * (1 + len(cell.state))
    return max(trained * (units * training + per_input), evaluated * (units * evaluation + per_input))


def _segment(config: PalindromeConfig, sequences: int, *, store: bool) -> int:
    """Steps whose values are held at the same time."""
    steps = segment_steps(load_cell(config.cell), sequences, config.length, config.hidden_size, store=store)
    return min(steps, config.length)


def _sequences(config: PalindromeConfig) -> tuple[int, int]:
    """Sequences of a training batch, and of a batch of an evaluation."""
    train_samples = round(config.train_fraction * config.num_samples)
    evaluated = max(config.num_samples - train_samples, VALIDATION_SAMPLES if config.online_data else 0)
    return min(config.batch_size, train_samples), min(evaluated, max(1, MAX_EVALUATION_DIGITS // config.length))
