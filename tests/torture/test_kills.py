"""Trainings killed again and again end in the same files, byte for byte, as if nothing had happened."""

import random
import time
from pathlib import Path

import pytest
from small_jobs import JOBS, Death, contents, kill, start, train


def moment(name: str, rng: random.Random, seconds: float) -> Death | float:
    """When to die: after some seconds, inside of a write, or right after a rename. The workers of a study write."""
    deaths = [Death("fsync", rng.randint(1, 25)), Death("replace", rng.randint(1, 12))]
    return rng.choice([rng.uniform(0, seconds), *(deaths if name != "study" else [])])


def die(name: str, folder: Path, data: Path, when: Death | float) -> bool:
    """Start a training and kill it; whether it was still at work."""
    timed = isinstance(when, float)
    process = start(train, name, folder, str(data), None if timed else when)
    if timed:
        process.join(when)
        kill(process)
    process.join()
    return process.exitcode == -9


def check(name: str, kills: int, tmp_path: Path, data: Path, seed: int) -> int:
    """Compare a training that is killed up to `kills` times with one that is not; the number of kills that hit."""
    rng, began = random.Random(seed), time.monotonic()
    process = start(train, name, tmp_path / "whole", str(data))
    process.join()
    assert process.exitcode == 0
    expected, seconds = contents(tmp_path / "whole"), time.monotonic() - began
    folder, hits, rounds = tmp_path / "killed-0", 0, 0
    while hits < kills and rounds < 4 * kills:
        rounds += 1
        hits += die(name, folder, data, moment(name, rng, seconds))
        if (folder / "weights.safetensors").exists() and hits < kills:
            assert contents(folder) == expected
            folder = tmp_path / f"killed-{rounds}"
    process = start(train, name, folder, str(data))
    process.join()
    assert process.exitcode == 0
    assert contents(folder) == expected
    return hits


def test_a_training_that_is_killed_three_times_ends_in_the_same_bytes(tmp_path, few_digits):
    assert check("memory", 3, tmp_path, few_digits, seed=0) >= 2


@pytest.mark.torture
@pytest.mark.parametrize("name", JOBS)
def test_a_training_that_is_killed_at_random_ends_in_the_same_bytes(name, tmp_path, few_digits):
    hits = check(name, 10, tmp_path, few_digits, seed=1)
    print(f"\n{name}: killed {hits} times, every file equal")
    assert hits >= 8
