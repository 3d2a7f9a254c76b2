"""A real Ray cluster on this machine, with a head and workers of its own."""

import operator
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.study import TrainOptions, enumerate_runs, run_study
from palingen.runtime.errors import PalingenError
from palingen.runtime.parallel import ParallelConfig, map_unordered
from palingen.runtime.ray_backend import AUTH_VARIABLE

os.environ[AUTH_VARIABLE] = "disabled"  # head and driver share no token; the cluster listens on this machine only
RAY = Path(sys.executable).with_name("ray")
NEGATE_ON_RAY = """
import operator, sys
from pathlib import Path
from palingen.runtime.parallel import ParallelConfig, map_unordered

parallel = ParallelConfig(backend="ray", scheduler_address=sys.argv[1])
print(*map_unordered(operator.neg, [1], Path(), parallel))
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Address of a cluster with two CPUs."""
    with start_head(tmp_path_factory.mktemp("ray"), dict(os.environ)) as address:
        yield address


@contextmanager
def start_head(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """Start a cluster with two CPUs; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    head = [
        "start",
        "--head",
        "--num-cpus=2",
        "--include-dashboard=false",
        "--disable-usage-stats",
        "--node-ip-address=127.0.0.1",
    ]
    command = [RAY, *head, f"--port={port}", f"--temp-dir={folder}", "--block"]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, **silent, env=environment, start_new_session=True)
    try:
        wait_for_port(port)
        yield f"127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError(f"no Ray head on port {port}")


def worker_pids() -> list[int]:
    """Processes that compute a run at the moment."""
    processes = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [int(line.split()[0]) for line in processes.splitlines() if "ray::_call" in line]


@pytest.mark.torture
def test_every_run_is_computed_on_the_cluster(tmp_path, address):
    parallel = ParallelConfig(backend="ray", scheduler_address=address, jobs=2)
    assert sorted(map_unordered(operator.neg, [3, 1, 2], tmp_path, parallel)) == [-3, -2, -1]


@pytest.mark.torture
def test_a_study_survives_a_killed_worker_and_gives_the_results_of_this_machine(tmp_path, address):
    base = PalindromeConfig(num_samples=2000, hidden_size=16, epochs=15, batch_size=50)
    runs = enumerate_runs(base, ["rnn"], [5], 2)
    options = TrainOptions(engine="reference")
    expected = {run["seed"]: run["loss"] for run in run_study(runs, tmp_path / "here", ParallelConfig(), options)}
    killed: list[int] = []

    def kill_one() -> None:
        deadline = time.monotonic() + 60
        while not killed and time.monotonic() < deadline:
            for pid in worker_pids()[:1]:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
            time.sleep(0.05)

    thread = threading.Thread(target=kill_one)
    thread.start()
    parallel = ParallelConfig(backend="ray", scheduler_address=address, jobs=2)
    results = list(run_study(runs, tmp_path / "cluster", parallel, options))
    thread.join()
    assert killed
    assert {run["seed"]: run["loss"] for run in results} == expected


def test_an_address_without_a_cluster_is_refused_in_one_line(tmp_path):
    parallel = ParallelConfig(backend="ray", scheduler_address="127.0.0.1:1")
    with pytest.raises(PalingenError, match=r"scheduler_address='127.0.0.1:1': no Ray cluster there") as refusal:
        list(map_unordered(operator.neg, [1], tmp_path, parallel))
    assert "\n" not in str(refusal.value)


@pytest.mark.torture
def test_a_cluster_with_a_token_is_refused_with_the_variable_that_sends_one(tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0123456789abcdef" * 4)
    with start_head(tmp_path_factory.mktemp("ray"), {**os.environ, AUTH_VARIABLE: "token"}) as address:
        command = [sys.executable, "-c", NEGATE_ON_RAY, address]
        monkeypatch.delenv(AUTH_VARIABLE)
        refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        monkeypatch.setenv(AUTH_VARIABLE, "token")
        accepted = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert refused.stderr.splitlines()[-1].endswith("; one that asks for a token needs RAY_AUTH_MODE=token here too")
    assert accepted.stdout.splitlines() == ["-1"]


@pytest.mark.torture  # Ray starts a cluster
def test_without_an_address_a_cluster_that_is_there_already_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    assert list(map_unordered(operator.neg, [1], tmp_path, ParallelConfig(backend="ray", jobs=1))) == [-1]
