"""Two processes of the CPU, connected as two machines would be."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from palingen.errors import ConfigError
from palingen.runs import read_records
from palingen.team import Team, gather
from palingen.weights import load_weights

CPU = torch.device("cpu")

SMALL = ("--epochs", "1", "--batch-size", "50", "--watch-samples", "0", "--record-interval", "1", "--device", "cpu")
"""Four steps over 200 images."""

BY_HAND = ("--engine", "by-hand")

ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}
"""With other numbers of threads sums are rounded otherwise."""


def train(folder, *flags):
    command = [sys.executable, "-m", "palingen", "gan", "train", *SMALL, "--out", str(folder), *map(str, flags)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, env=ONE_THREAD)


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory, few_digits):
    """The folder of a run in two processes, BatchNorm and gradients outside autograd in it, and what it said."""
    folder = tmp_path_factory.mktemp("processes") / "run"
    return folder, train(folder, *BY_HAND, "--data", few_digits, "--devices", 2)


def test_two_processes_play_the_same_game_as_one_with_the_whole_batch(tmp_path, few_digits):
    game = ("--recipe", "residual", "--precision", "float32", "--data", few_digits)
    for name, flags in (("one", ()), ("two", ("--devices", 2))):
        run = train(tmp_path / name, *game, *flags, "--json")
        assert run.returncode == 0, run.stderr
        assert json.loads(run.stdout)["folder"] == str(tmp_path / name)  # one process speaks
    one, two = (read_records(tmp_path / name) for name in ("one", "two"))
    assert [record["kind"] for record in one] == [record["kind"] for record in two]
    for before, after in zip(one, two, strict=True):
        for player in ("generator", "discriminator"):
            assert after[f"{player}_loss"] == pytest.approx(before[f"{player}_loss"], rel=1e-4)
    one, two = (load_weights(tmp_path / name / "weights.safetensors") for name in ("one", "two"))
    for name, weight in one.items():
        # four steps go up to 4e-3; where a gradient is nothing but rounding, Adam makes some of that of it
        assert (two[name] - weight).abs().mean() <= 1e-4, name


def test_batchnorm_and_gradients_by_hand_end_alike_in_both_processes(by_hand):
    folder, run = by_hand
    assert run.returncode == 0, run.stderr  # else: exit code 2
    assert run.stderr.count("\n") == 1  # the progress of one process, and nothing else
    assert read_records(folder)[-1]["kind"] == "result"


def test_two_machines_started_by_torchrun_end_in_the_weights_of_two_processes_of_one(tmp_path, few_digits, by_hand):
    game = ("palingen", "gan", "train", *SMALL, *BY_HAND, "--data", few_digits, "--nodes", "2", "--out", tmp_path)
    torchrun = Path(sys.executable).with_name("torchrun")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    rendezvous = ("--nnodes", "2", "--nproc-per-node", "1", "--master-addr", "127.0.0.1", "--master-port", str(port))
    machines = [
        subprocess.Popen(
            [torchrun, *rendezvous, "--node-rank", str(rank), "-m", *game],
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
    one, other = (load_weights(folder / "weights.safetensors") for folder in (tmp_path, by_hand[0]))
    assert all(torch.equal(other[name], weight) for name, weight in one.items())


def test_what_is_wrong_is_said_once(tmp_path):
    run = train(tmp_path / "run", "--data", tmp_path / "nothing", "--devices", 2)
    assert run.returncode == 2
    assert run.stderr.count("error:") == 1


SCRIPT = """
from pathlib import Path

import torch
from palingen.errors import PalingenError
from palingen.team import gather

team = gather("cpu", 2, 1)
total, twice = torch.tensor([1.0 + team.rank]), torch.ones(2, 3)
team.add_up([total, twice], weight=0.5)
assert total == 1.5 and torch.equal(twice, torch.ones(2, 3))
assert team.any(team.rank == 1) and not team.any(False)
assert torch.equal(team.share(torch.arange(5)), torch.arange(5)[team.rank :: 2])
team.check_same([twice])
try:
    team.check_same([torch.tensor([float(team.rank)])])
except PalingenError:
    Path(f"differs-{team.rank}").touch()
team.wait()
"""


def test_a_team_adds_up_agrees_and_notices_different_weights(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, tmp_path / "script.py"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert {path.name for path in tmp_path.glob("differs-*")} == {"differs-0", "differs-1"}


def test_a_process_alone_is_a_team():
    team = gather("cpu", 1, 1)
    assert team == Team(CPU)
    assert team.leads
    assert team.any(True)
    assert not team.any(False)
    rows = torch.arange(6)
    assert torch.equal(team.share(rows), rows)


@pytest.mark.parametrize("wrong", [{"devices": 0, "nodes": 1}, {"devices": 1, "nodes": 0}])
def test_a_team_of_nobody_is_refused(wrong):
    with pytest.raises(ConfigError, match="at least 1"):
        gather("cpu", **wrong)
