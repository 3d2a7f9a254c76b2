import sys
from dataclasses import replace

import pytest
from peak_memory import measure

from palingen import recipes
from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.engines import ENGINES
from palingen.recurrence.memory_estimate import (
    FLOATS_PER_INPUT,
    FLOATS_PER_UNIT,
    require_study_memory,
    require_training_memory,
    training_needs,
)
from palingen.recurrence.train import train_palindrome
from palingen.runtime.errors import ConfigError

FACTOR = 2.0
"""An estimate is between half and twice the measured peak."""

MEMORY = "palingen.runtime.memory.available_memory"


def total(config, engine="auto"):
    return sum(need.num_bytes for need in training_needs(config, engine))


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")
def test_the_estimate_is_within_a_factor_of_two_of_the_measured_peak():
    shared = {"epochs": 2, "num_samples": 80, "hidden_size": 64, "batch_size": 64}
    trainings = [
        {**shared, "length": 10, "hidden_size": 700, "num_samples": 10},  # weights
        {**shared, "length": 1000, "input_encoding": "one-hot"},
        {**shared, "length": 1200, "engine": "reference"},
    ]
    for settings, peak in zip(trainings, measure("recurrence", trainings), strict=True):
        engine = settings.pop("engine", "auto")
        ratio = total(PalindromeConfig(**settings), engine) / peak
        assert 1 / FACTOR < ratio < FACTOR, (settings, engine, peak, ratio)


def test_every_engine_and_encoding_has_its_factors():
    assert set(FLOATS_PER_UNIT) == {"auto", *ENGINES}
    assert set(FLOATS_PER_INPUT) == {"scalar", "one-hot"}


def test_long_runs_that_fit_into_a_laptop_are_not_refused(monkeypatch):
    monkeypatch.setattr(MEMORY, lambda device=None: 16e9)
    memory = recipes.PALINDROME["memory"]
    for length in (1000, 10_000):
        require_training_memory(replace(memory, length=length))
    require_training_memory(replace(memory, length=100_000, batch_size=32, num_samples=2000))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"length": 100_000_000}, "length"),
        ({"hidden_size": 1_000_000}, "hidden_size"),
        ({"num_samples": 10**9}, "num_samples"),
        ({"batch_size": 10**9, "num_samples": 10**7, "length": 100}, "batch_size"),
    ],
)
def test_a_training_that_cannot_fit_is_refused_before_anything_is_written(tmp_path, fields, field):
    config, folder = PalindromeConfig(**fields), tmp_path / "run"
    with pytest.raises(ConfigError, match=rf"needs about .* GB of memory.* are available; lower .*{field}") as refusal:
        train_palindrome(config, folder)
    assert "\n" not in str(refusal.value)
    assert not folder.exists()


def test_a_study_needs_the_memory_of_its_largest_runs_beside_each_other(monkeypatch):
    runs = [PalindromeConfig(length=length) for length in (10, 1000, 2000)]
    largest = total(runs[2])
    monkeypatch.setattr(MEMORY, lambda device=None: 1.1 * largest)
    require_study_memory(runs, "auto", 1)
    with pytest.raises(ConfigError, match=r"the study, 2 runs at a time, needs about .*; lower jobs"):
        require_study_memory(runs, "auto", 2)
