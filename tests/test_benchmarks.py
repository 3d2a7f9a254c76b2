import json
import subprocess
import sys

import pytest
from conftest import ROOT


def benchmark(name, *arguments):
    command = [sys.executable, str(ROOT / "benchmarks" / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_the_step_is_measured_against_the_scripts_and_against_arithmetic():
    run = benchmark("gan_step.py", "--repeats", 20, "--steps", 1, "--json")
    result = json.loads(run.stdout)
    assert {"ms", "script_ms", "ratio", "floor_ms"} <= set(result)
    assert result["n"] == 20
    assert result["ratio"] == result["script_ms"] / result["ms"]
    assert result["floor_ms"] > 0
    assert 14 < result["mflop_per_image"] < 17
    assert 57 < result["adam_mbyte"] < 58


def test_too_few_repeats_are_refused():
    run = benchmark("gan_step.py", "--repeats", 3)
    assert run.returncode == 2
    assert "at least 20 repeats" in run.stderr


@pytest.mark.alone
def test_gradients_piece_by_piece_come_sooner_than_differentiating_twice():
    run = benchmark("penalty_step.py", "--repeats", 3, "--batch-size", 16, "--precision", "float32")
    assert run.returncode == 0, run.stderr
    twice, pieces, ratio = (line.split() for line in run.stdout.splitlines())
    assert float(ratio[1]) > 1
    assert float(ratio[1]) == pytest.approx(float(twice[1]) / float(pieces[1]), rel=0.05)
