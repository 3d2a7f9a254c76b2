"""Runs on a Dask cluster of this machine."""

import logging
import os
import threading
import time
from pathlib import Path

import distributed
import pytest

from palingen.runtime import dask_backend
from palingen.runtime.errors import PalingenError
from palingen.runtime.parallel import ParallelConfig, map_unordered
from palingen.runtime.signals import graceful_interrupt


def process(run: int) -> tuple[int, int]:
    return run, os.getpid()


def die(run: int) -> None:
    os._exit(1)


def fail_or_wait(run: tuple[str, Path]) -> None:
    """Fail as soon as the other run works, or work until it is told to stop."""
    name, folder = run
    if name == "failing":
        wait_for(folder / "working")
        raise ValueError("a failure")
    with graceful_interrupt() as stop_requested:
        (folder / "working").touch()
        while not stop_requested():
            time.sleep(0.01)
    (folder / "stopped").touch()


def wait_for(path: Path) -> None:
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end, path
        time.sleep(0.01)


def connected(cluster) -> ParallelConfig:
    return ParallelConfig(backend="dask", scheduler_address=cluster.scheduler_address)


def test_a_cluster_on_this_machine_has_a_process_with_one_thread_for_each_job():
    with dask_backend._connect(None, 3) as client:
        assert list(client.nthreads().values()) == [1, 1, 1]


def test_a_cluster_of_one_core_computes_every_run_once(tmp_path):
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
        results = list(map_unordered(process, [3, 3, 5], tmp_path, connected(cluster)))
    assert sorted(run for run, _ in results) == [3, 3, 5]
    (worker,) = {pid for _, pid in results}
    assert worker != os.getpid()


def test_a_cluster_without_workers_is_named_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(dask_backend, "WORKERS_TIMEOUT_S", 0.2)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as cluster,
        pytest.raises(PalingenError, match=r"^tcp://.*: the Dask cluster there has no workers$"),
    ):
        list(map_unordered(process, [1], tmp_path, connected(cluster)))


def test_workers_with_several_threads_are_refused(tmp_path):
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address="127.0.0.1:0") as cluster,
        pytest.raises(PalingenError, match=r"a worker there has 2 threads, .*; start workers with --nthreads 1$"),
    ):
        list(map_unordered(process, [1], tmp_path, connected(cluster)))


def test_the_failure_of_one_run_stops_the_others(tmp_path):
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
        runs = [("failing", tmp_path), ("waiting", tmp_path)]
        with pytest.raises(ValueError, match="a failure"):
            list(map_unordered(fail_or_wait, runs, tmp_path, connected(cluster)))
        wait_for(tmp_path / "stopped")


@pytest.mark.torture  # Dask tries to connect again for half a minute
def test_a_scheduler_that_is_lost_is_named_in_one_line(tmp_path):
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL
    ) as cluster:
        waiting = ("waiting", tmp_path)
        closing = threading.Thread(target=lambda: (wait_for(tmp_path / "working"), cluster.close()))
        closing.start()
        with pytest.raises(PalingenError, match=r"^Dask's scheduler was lost; the same command resumes the study$"):
            list(map_unordered(fail_or_wait, [waiting], tmp_path, connected(cluster)))
        closing.join()


def test_an_address_at_which_no_scheduler_answers_is_named(tmp_path):
    parallel = ParallelConfig(backend="dask", scheduler_address="nowhere")
    with pytest.raises(PalingenError, match="scheduler_address='nowhere': no scheduler answers"):
        list(map_unordered(process, [1], tmp_path, parallel))


@pytest.mark.torture  # Dask starts the worker anew four times
def test_a_worker_that_dies_again_and_again_ends_the_study_in_one_line(tmp_path):
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
        pytest.raises(PalingenError, match="a Dask worker died"),
    ):
        list(map_unordered(die, [1], tmp_path, connected(cluster)))
