import importlib
import os
import signal
import sys
import time
from pathlib import Path

import pytest
import torch

from palingen.runtime.command import current_command, running_command
from palingen.runtime.errors import ConfigError, Interrupted, PalingenError
from palingen.runtime.parallel import ParallelConfig, map_unordered
from palingen.runtime.signals import graceful_interrupt


def square(number: int) -> int:
    return number * number


def process(run: int) -> int:
    return os.getpid()


def num_threads(run: int) -> int:
    return torch.get_num_threads()


def command(run: int) -> str | None:
    return current_command()


def batch_size(run: int) -> int:
    """Number of runs that joblib handed to the worker together."""
    frame = sys._getframe()
    while frame and type(frame.f_locals.get("self")).__name__ != "BatchedCalls":
        frame = frame.f_back
    return len(frame.f_locals["self"].items) if frame else 0


def return_or_wait(run: Path) -> int:
    """Number of the process: at once, or never, if the run is to wait until it is interrupted."""
    if run.name == "wait":
        with graceful_interrupt() as stop_requested:
            run.symlink_to(str(os.getpid()))  # written at once
            while not stop_requested():
                time.sleep(0.01)
        run.with_name("saved").touch()
        raise Interrupted("saved")
    return os.getpid()


def needs_a_package(run: int) -> None:
    importlib.import_module("no_such_package")


def test_every_run_is_computed_once_in_whatever_order(tmp_path):
    assert sorted(map_unordered(square, [3, 1, 2], tmp_path, ParallelConfig(jobs=2))) == [1, 4, 9]


def test_a_worker_gets_one_run_at_a_time_also_after_many_that_were_finished(tmp_path):
    assert {*map_unordered(batch_size, range(200), tmp_path, ParallelConfig(jobs=2))} == {1}


def test_one_run_is_computed_in_this_process_since_more_would_be_idle(tmp_path):
    assert [*map_unordered(process, [0], tmp_path, ParallelConfig(jobs=2))] == [os.getpid()]


def test_one_job_leaves_the_callers_threads_as_they_are(tmp_path):
    torch.set_num_threads(2)
    (threads,) = map_unordered(num_threads, [0], tmp_path, ParallelConfig(jobs=1))
    assert (threads, torch.get_num_threads()) == (1, 2)


def test_the_workers_of_a_study_record_its_command(tmp_path):
    with running_command("palingen gan study"):
        commands = [*map_unordered(command, [0, 1], tmp_path, ParallelConfig(jobs=2))]
    assert commands == ["palingen gan study"] * 2


def test_ctrl_c_which_an_idle_worker_receives_too_still_lets_every_run_save(tmp_path):
    wait = tmp_path / "wait"
    results = map_unordered(return_or_wait, [wait, tmp_path / "return"], tmp_path, ParallelConfig(jobs=2))
    idle = next(results)
    deadline = time.monotonic() + 60
    while not wait.is_symlink():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for pid in (idle, os.getpid(), int(wait.readlink().name)):  # as a terminal does
        os.kill(pid, signal.SIGINT)
    with pytest.raises(Interrupted, match="stopped, saved in"):
        next(results)
    assert (tmp_path / "saved").exists()


def test_a_number_of_jobs_below_one_is_refused():
    with pytest.raises(ConfigError, match="jobs=0: must be at least 1"):
        ParallelConfig(jobs=0)


def test_a_package_that_a_run_lacks_is_not_blamed_on_the_backend(tmp_path):
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        list(map_unordered(needs_a_package, [1, 2], tmp_path, ParallelConfig(jobs=2)))


def test_a_backend_that_is_not_installed_is_named_with_the_extra_that_brings_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "palingen.runtime.ray_backend", raising=False)
    with pytest.raises(PalingenError, match=r"backend='ray': needs the package 'ray'.*palingen\[cluster\]"):
        list(map_unordered(square, [1], tmp_path, ParallelConfig(backend="ray")))
