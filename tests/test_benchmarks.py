import json
import subprocess
import sys
from importlib.util import find_spec

import pytest
from support import ROOT, run_script


def benchmark_here(name, *arguments):
    """Run a benchmark in this process, which has imported torch already: for its output, not for its times."""
    return run_script(ROOT / "benchmarks" / name, *arguments, folder=ROOT)


def benchmark(name, *arguments):
    command = [sys.executable, str(ROOT / "benchmarks" / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.torture
def test_the_gan_step_is_compared_with_its_peers_and_with_a_lower_bound():
    run = benchmark("gan_step.py", "--repeats", 20, "--steps", 1, "--threads", 1, "--cpu-time", "--json")
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert {"ms", "script_ms", "ratio", "floor_ms"} <= set(result)
    assert result["n"] == 20
    assert result["ratio"] == result["script_ms"] / result["ms"]
    assert ("jax_ratio" in result) == (find_spec("jax") is not None)
    assert result["peak_gflops"] > 0
    assert result["floor_ms"] > 0
    assert (result["threads"], result["clock"]) == (1, "CPU time")
    assert 14 < result["mflop_per_image"] < 17
    assert 57 < result["adam_mbyte"] < 58


def test_too_few_repeats_are_refused():
    run = benchmark_here("gan_step.py", "--repeats", 3)
    assert run.returncode == 2
    assert "needs --repeats of at least 20" in run.stderr


@pytest.mark.torture
def test_every_engine_is_compared_with_torch_and_with_the_peak():
    sizes = ("--lengths", 3, 4, "--batch-size", 4, "--hidden-size", 8, "--repeats", 3)
    run = benchmark("recurrence.py", "--only", "speed", *sizes, "--json")
    assert run.returncode == 0, run.stderr
    rows = json.loads(run.stdout)["rows"]
    assert {(row["engine"], row["cell"], row["length"]) for row in rows} == {
        (engine, cell, length)
        for length in (3, 4)
        for cell in ("lstm", "peephole")
        for engine in ("torch", "native", "native, recompute", "compiled", "reference", "plain")
        if (engine, cell) != ("torch", "peephole")
    }
    for row in rows:
        assert row["ratio"] == row["torch_ms"] / row["ms"]
        assert row["lowest_ms"] <= row["ms"] <= row["highest_ms"]
        assert 0 < row["peak_share"] < 1


def test_layers_are_compared_with_torchs_over_a_grid():
    sizes = ("--batch-sizes", 2, "--lengths", 3, "--hidden-sizes", 8, 9, "--layers", "LSTM", "RNN", "--rounds", 3)
    run = benchmark_here(
        "nn_layers.py", *sizes, "--threads", 1, "--cpu-time", "--num-layers", 2, "--bidirectional", "--json"
    )
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    rows, modes = result["rows"], {(layer, mode) for layer in ("LSTM", "RNN") for mode in ("training", "inference")}
    assert {(row["layer"], row["mode"], row["H"]) for row in rows} == {(*mode, H) for mode in modes for H in (8, 9)}
    for row in rows:
        assert row["ratio"] == row["torch_ms"] / row["ours_ms"]
        assert row["quartile_1"] <= row["quartile_3"]
        assert row["rounds"] == 3
    for group in result["summary"]:
        ratios = [row["ratio"] for row in rows if (row["layer"], row["mode"]) == (group["layer"], group["mode"])]
        assert group["geometric_mean"] == pytest.approx((ratios[0] * ratios[1]) ** 0.5)
        assert group["below_1"] == sum(ratio < 1 for ratio in ratios)
    assert (result["threads"], result["num_layers"], result["bidirectional"]) == (1, 2, True)


def test_tables_of_layers_fit_a_hundred_columns_when_piped():
    run = benchmark_here("nn_layers.py", "--batch-sizes", 2, "--lengths", 3, "--hidden-sizes", 8, "--rounds", 3)
    assert run.returncode == 0, run.stderr
    assert "…" not in run.stdout
    assert max(map(len, run.stdout.splitlines())) <= 100


@pytest.mark.torture
def test_the_memory_of_a_training_step_is_measured_in_a_process_of_its_own(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from recurrence_process import Job, run_in_process

    sizes = {"batch_size": 64, "input_size": 1, "hidden_size": 128, "threads": 1, "warmup": True}
    short, long = (run_in_process(Job("native", "lstm", length=length, **sizes))["peak_mib"] for length in (10, 400))
    assert long > short + 50  # 390 steps of 64 sequences, 128 units and 5 saved values or more


@pytest.mark.timing
def test_the_penalty_by_jvp_is_faster_than_by_double_backward():
    options = ("--rounds", 5, "--batch-size", 16, "--precision", "float32", "--engines", "autograd", "penalty-jvp")
    run = benchmark("penalty_step.py", *options, "--json")
    assert run.returncode == 0, run.stderr
    autograd, penalty_jvp = json.loads(run.stdout)["rows"]
    assert penalty_jvp["ms"] < autograd["ms"]


def test_the_engine_of_a_device_is_compared_with_torch_on_a_grid():
    sizes = ("--hidden-sizes", 4, "--batch-sizes", 2, 3, "--lengths", 3, "--repeats", 3, "--device", "cpu")
    run = benchmark_here("recurrence_grid.py", *sizes, "--json")
    assert run.returncode == 0, run.stderr
    record = json.loads(run.stdout)
    assert record["engine"] in ("native", "reference")
    assert [(row["mode"], row["B"], row["implementation"]) for row in record["rows"]] == [
        (mode, B, name) for mode in ("training", "inference") for B in (2, 3) for name in ("torch", "lstm", "peephole")
    ]


def test_the_step_of_the_gan_training_is_timed_by_engine():
    run = benchmark_here("gan_loop.py", "--repeats", 3, "--steps", 1, "--device", "cpu", "--json")
    assert run.returncode == 0, run.stderr
    assert set(json.loads(run.stdout)["step_us"]) == {"auto", "manual"}


def test_engines_of_the_penalised_step_take_turns():
    options = ("--batch-size", 4, "--rounds", 2, "--engines", "penalty-jvp", "autograd", "--precision", "float32")
    run = benchmark_here("penalty_step.py", *options, "--cpu-time", "--json")
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert [row["engine"] for row in result["rows"]] == ["penalty-jvp", "autograd"]
    assert result["rows"][0]["ratio"] == 1
    for row in result["rows"]:
        assert row["ratio"] == pytest.approx(result["rows"][0]["ms"] / row["ms"])
        assert row["quartile_1"] <= row["ms"] <= row["quartile_3"]
        assert row["ratio_quartiles"][0] <= row["ratio_quartiles"][1]
    assert (result["batch_size"], result["threads"], result["devices"], result["cpu_time"]) == (4, 1, 1, True)
