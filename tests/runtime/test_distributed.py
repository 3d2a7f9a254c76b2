"""Two CPU processes, connected like two machines."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support import run_in
from tracker_logs import read_tensorboard

from palingen.gan.steps.native.engine import load_step
from palingen.runtime.distributed import ProcessGroup, init_distributed
from palingen.runtime.errors import ConfigError
from palingen.runtime.run_files import read_records
from palingen.runtime.safetensors_io import load_weights

CPU = torch.device("cpu")

SMALL = ("--epochs", "1", "--batch-size", "50", "--no-monitor-samples", "--log-interval", "1", "--device", "cpu")
"""Four steps over 200 images."""

NATIVE = ("--engine", "native")

ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}
"""Other numbers of threads round sums differently."""


def train(folder, *flags):
    command = [sys.executable, "-m", "palingen", "gan", "train", *SMALL, "--out", str(folder), *map(str, flags)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, env=ONE_THREAD)


@pytest.fixture(scope="module")
def native_run(tmp_path_factory, few_digits):
    """Run of two processes with BatchNorm and the native engine: its folder and the finished command."""
    load_step("float32")  # two processes would compile it at once
    folder = tmp_path_factory.mktemp("processes") / "run"
    return folder, train(folder, *NATIVE, "--data", few_digits, "--devices", 2, "--track", "tensorboard")


@pytest.mark.parametrize(
    "flags", [(), pytest.param(("--frechet-steps", "1"), marks=pytest.mark.torture)], ids=["game", "frechet loss"]
)
def test_two_processes_train_as_one_process_with_the_whole_batch(tmp_path, few_digits, flags):
    recipe = ("--recipe", "residual", "--precision", "float32", *flags, "--data", few_digits, "--json")
    torch.set_num_threads(1)
    runs = {
        "one": run_in(tmp_path, "gan", "train", *SMALL, *recipe, "--devices", 1, "--out", tmp_path / "one"),
        "two": train(tmp_path / "two", *recipe, "--devices", 2),
    }
    for name, run in runs.items():
        assert run.returncode == 0, run.stderr
        assert json.loads(run.stdout)["folder"] == str(tmp_path / name)  # printed by one process
    one, two = (read_records(tmp_path / name) for name in ("one", "two"))
    assert [record["kind"] for record in one] == [record["kind"] for record in two]
    for before, after in zip(one, two, strict=True):
        for network in ("generator", "discriminator"):
            assert after[f"{network}_loss"] == pytest.approx(before[f"{network}_loss"], rel=1e-4)
    one, two = (load_weights(tmp_path / name / "weights.safetensors") for name in ("one", "two"))
    for name, weight in one.items():
        # four steps add up to 4e-3; Adam normalises even gradients that are only rounding
        assert (two[name] - weight).abs().mean() <= 1e-4, name


def test_only_the_main_process_logs_to_trackers(native_run):
    folder, _ = native_run
    assert len([*(folder / "tensorboard").iterdir()]) == 1
    log = read_tensorboard(folder)
    assert [step for step, _ in log.numbers["step/generator_loss"]] == [1, 2, 3, 4]
    assert {*log.images} == {0, 2, 4}


def test_batchnorm_and_gradients_of_the_native_engine_end_alike_in_both_processes(native_run):
    folder, run = native_run
    assert run.returncode == 0, run.stderr  # else: exit code 2
    compiling = sum(line.startswith("engine native: compiling") for line in run.stderr.splitlines())
    assert run.stderr.count("\n") == 1 + compiling  # the progress of one process, and nothing else
    assert read_records(folder)[-1]["kind"] == "result"


@pytest.mark.torture
def test_two_nodes_of_torchrun_end_in_the_weights_of_two_processes_on_one(tmp_path, few_digits, native_run):
    flags = ("palingen", "gan", "train", *SMALL, *NATIVE, "--data", few_digits, "--nodes", "2", "--out", tmp_path)
    torchrun = Path(sys.executable).with_name("torchrun")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    rendezvous = ("--nnodes", "2", "--nproc-per-node", "1", "--master-addr", "127.0.0.1", "--master-port", str(port))
    machines = [
        subprocess.Popen(
            [torchrun, *rendezvous, "--node-rank", str(rank), "-m", *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ONE_THREAD,
        )
        for rank in range(2)
    ]
    for machine in machines:
        _, words = machine.communicate(timeout=240)
        assert machine.returncode == 0, words
    one, other = (load_weights(folder / "weights.safetensors") for folder in (tmp_path, native_run[0]))
    assert all(torch.equal(other[name], weight) for name, weight in one.items())


@pytest.mark.torture
def test_an_error_is_printed_by_one_process_only(tmp_path):
    run = train(tmp_path / "run", "--data", tmp_path / "nothing", "--devices", 2)
    assert run.returncode == 2
    assert run.stderr.count("error:") == 1


def test_a_refusal_that_only_the_main_process_sees_is_one_line_and_no_traceback_of_another(tmp_path, few_digits):
    (tmp_path / "mine.txt").touch()
    run = train(tmp_path, "--data", few_digits, "--devices", 2)
    assert run.returncode == 2
    assert run.stderr.count("error:") == 1
    assert "not empty and not a run folder" in run.stderr
    assert "Traceback" not in run.stderr


SCRIPT = """
from pathlib import Path

import torch
from palingen.runtime.errors import PalingenError
from palingen.runtime.distributed import init_distributed

group = init_distributed("cpu", 2, 1)
total, twice = torch.tensor([1.0 + group.rank]), torch.ones(2, 3)
group.all_reduce_sum([total, twice], weight=0.5)
assert total == 1.5 and torch.equal(twice, torch.ones(2, 3))
assert group.any_rank(group.rank == 1) and not group.any_rank(False)
assert torch.equal(group.shard(torch.arange(5)), torch.arange(5)[group.rank :: 2])
group.assert_replicas_equal([twice])
try:
    group.assert_replicas_equal([torch.tensor([float(group.rank)])])
except PalingenError:
    Path(f"differs-{group.rank}").touch()
group.barrier()
"""


def test_processes_sum_shard_agree_and_notice_different_weights(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, tmp_path / "script.py"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert {path.name for path in tmp_path.glob("differs-*")} == {"differs-0", "differs-1"}


def test_a_single_process_is_a_group_of_its_own():
    group = init_distributed("cpu", 1, 1)
    assert group == ProcessGroup(CPU)
    assert group.is_main
    assert group.any_rank(True)
    assert not group.any_rank(False)
    rows = torch.arange(6)
    assert torch.equal(group.shard(rows), rows)


@pytest.mark.parametrize("wrong", [{"devices": 0, "nodes": 1}, {"devices": 1, "nodes": 0}])
def test_a_group_without_processes_is_refused(wrong):
    with pytest.raises(ConfigError, match="must be at least 1"):
        init_distributed("cpu", **wrong)


def test_more_processes_than_cores_are_refused():
    cores = os.cpu_count()
    with pytest.raises(ConfigError, match=f"devices={cores + 1}: must be at most {cores}, the cores"):
        init_distributed("cpu", cores + 1, 1)
