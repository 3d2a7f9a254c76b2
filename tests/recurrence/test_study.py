import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
import torch
from palindrome_runs import assert_same_weights, count_steps, diverge, interrupt_at_step, read_epochs
from tracker_logs import read_tensorboard
from user_parts import write_code

from palingen.recurrence import study as studies
from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.study import TrainOptions, enumerate_runs, load_diverged, load_results, run_name, run_study
from palingen.recurrence.train import train_palindrome
from palingen.runtime.errors import ConfigError, Interrupted, PalingenError, RunError
from palingen.runtime.parallel import ParallelConfig
from palingen.runtime.run_files import read_environment
from palingen.runtime.user_code import part_label

SMALL = PalindromeConfig(num_samples=200, hidden_size=8, epochs=2, batch_size=50)


def study(runs, out, parallel=None, **options):
    return list(run_study(runs, out, parallel or ParallelConfig(jobs=1), TrainOptions(**options)))


def assert_same_runs(runs, out, other):
    for run in runs:
        assert_same_weights(out / run_name(run), other / run_name(run))


def test_a_study_is_every_cell_at_every_length_with_every_seed_the_longest_first():
    runs = enumerate_runs(SMALL, ["lstm", "rnn", "lstm"], [5, 9, 5], 2)
    assert [(run.length, run.cell, run.seed) for run in runs] == [
        (length, cell, seed) for length in (9, 5) for cell in ("lstm", "rnn") for seed in (0, 1)
    ]
    assert len({run_name(run) for run in runs}) == len(runs)
    assert all(replace(run, cell=SMALL.cell, length=SMALL.length, seed=SMALL.seed) == SMALL for run in runs)


def test_a_study_without_seeds_is_refused():
    with pytest.raises(ConfigError, match="seeds=0: must be at least 1"):
        enumerate_runs(SMALL, ["rnn"], [5], 0)


@pytest.fixture
def users_cell(tmp_path):
    """A cell of a user, whose file is removed before the training."""
    path = write_code(tmp_path)
    yield f"{path}:Mine"
    assert not path.exists()


def test_two_processes_train_the_same_runs_as_one_also_of_a_users_cell(tmp_path, users_cell):
    runs = enumerate_runs(SMALL, ["lstm", users_cell], [5], 2)
    (tmp_path / "mine.py").unlink()
    for name, jobs in (("one", 1), ("two", 2)):
        results = study(runs, tmp_path / name, ParallelConfig(jobs=jobs))
        assert {(result["cell"], result["seed"]) for result in results} == {
            (part_label(run.cell), run.seed) for run in runs
        }
    assert_same_runs(runs, tmp_path / "one", tmp_path / "two")


def test_dask_workers_train_the_same_runs_also_of_a_users_cell(tmp_path, users_cell):
    distributed = pytest.importorskip("distributed")
    runs = enumerate_runs(SMALL, [users_cell], [5], 2)
    (tmp_path / "mine.py").unlink()
    study(runs, tmp_path / "local")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
        parallel = ParallelConfig(backend="dask", scheduler_address=cluster.scheduler_address)
        assert len(study(runs, tmp_path / "cluster", parallel, trackers=("tensorboard",))) == 2
    assert_same_runs(runs, tmp_path / "local", tmp_path / "cluster")
    for run in runs:
        log = read_tensorboard(tmp_path / "cluster" / run_name(run))
        assert [epoch for epoch, _ in log.numbers["epoch/loss"]] == [1, 2]
        assert log.config["seed"] == run.seed


def test_a_tracker_that_is_not_installed_is_refused_before_any_run(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(PalingenError, match="trackers='wandb': needs the package 'wandb'"):
        study(enumerate_runs(SMALL, ["rnn"], [5], 1), tmp_path, trackers=("wandb",))
    assert not [*tmp_path.iterdir()]


def test_a_backend_that_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "palingen.runtime.ray_backend", raising=False)
    with pytest.raises(PalingenError, match=r"backend='ray': needs the package 'ray', .*\(pip install"):
        study(enumerate_runs(SMALL, ["rnn"], [5], 1), tmp_path, ParallelConfig(backend="ray"))


def test_results_are_loaded_shortest_first_each_with_the_environment_of_its_own_run(tmp_path):
    runs = enumerate_runs(SMALL, ["rnn"], [4, 5], 1)
    study(runs[:1], tmp_path, engine="reference")
    study(runs, tmp_path, engine="native")
    results = load_results(tmp_path)
    assert [result["length"] for result in results] == [4, 5]
    assert [result["environment"]["engine"] for result in results] == ["native", "reference"]
    for result in results:
        assert result["environment"] == read_environment(tmp_path / result["folder"])
        assert result["environment"]["threads"] == 1


def test_a_run_that_a_worker_begins_anew_meanwhile_is_left_out(tmp_path, monkeypatch):
    runs = enumerate_runs(SMALL, ["rnn"], [5], 1)
    study(runs, tmp_path)

    def begin_anew(folder):
        (folder / "weights.safetensors").unlink()
        raise PalingenError("holds no result")

    monkeypatch.setattr(studies, "read_result", begin_anew)
    assert load_results(tmp_path) == []


def test_a_finished_run_is_not_trained_again_unless_forced(tmp_path):
    runs = enumerate_runs(SMALL, ["rnn"], [5], 1)
    study(runs, tmp_path, engine="reference")
    (result,) = study(runs, tmp_path, engine="native")
    assert result["engine"] == "reference"
    (repeated,) = study(runs, tmp_path, engine="native", force=True)
    assert repeated["engine"] == "native"


def test_a_run_that_diverges_is_a_result_without_accuracy_and_the_others_finish(tmp_path, monkeypatch):
    diverge(monkeypatch, 0)
    runs = enumerate_runs(SMALL, ["rnn"], [5], 2)
    diverged, finished = sorted(study(runs, tmp_path), key=lambda result: result["seed"])
    message = diverged.pop("stopped")
    assert message.startswith("loss is no longer a finite number at step 4 of 8 (")
    assert diverged == {
        "cell": "rnn",
        "length": 5,
        "seed": 0,
        "folder": str(tmp_path.resolve() / run_name(runs[0])),
        **dict.fromkeys(("accuracy", "loss", "seconds")),
    }
    assert 0 <= finished["accuracy"] <= 1
    assert "stopped" not in finished
    assert [result["seed"] for result in load_results(tmp_path)] == [1]
    again = {**diverged, "stopped": message, "folder": run_name(runs[0])}
    assert load_diverged(tmp_path, SMALL) == [again]
    assert load_diverged(tmp_path, replace(SMALL, hidden_size=3)) == []


def test_a_study_resumed_with_another_engine_is_refused_unless_allowed(tmp_path, monkeypatch):
    (run,) = runs = enumerate_runs(SMALL, ["rnn"], [5], 1)
    with monkeypatch.context() as patch:
        interrupt_at_step(patch, 3)
        with pytest.raises(Interrupted, match="stopped, saved in"):
            study(runs, tmp_path, engine="reference")
    with pytest.raises(RunError, match="engine='native', was 'reference'"):
        study(runs, tmp_path, engine="native")
    (result,) = study(runs, tmp_path, engine="native", allow_engine_change=True)
    assert (result["engine"], result["steps"]) == ("native", 8)
    assert (tmp_path / run_name(run) / "weights.safetensors").exists()


LONG = PalindromeConfig(cell="rnn", length=30, num_samples=400, hidden_size=8, batch_size=4, epochs=10)
STEPS = 10 * 80
FLAGS = ("--num-samples", 400, "--hidden-size", 8, "--batch-size", 4, "--epochs", 10, "--cells", "rnn", "--lengths", 30)


@contextmanager
def started_study(folder, *flags):
    """Command of a study and its process, of which nothing is left in the end."""
    command = ("palindrome", "study", "--recipe", "course", *FLAGS, *flags, "--out", "s")
    process = subprocess.Popen(
        [sys.executable, "-m", "palingen", *map(str, command)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield command, process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def wait_until(condition, seconds=90):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_killed_study_is_completed_by_the_same_command_without_repeating_finished_runs(palingen, tmp_path):
    first = tmp_path / "s" / "rnn-T30-seed0" / "weights.safetensors"
    with started_study(tmp_path, "--seeds", 2, "--jobs", 1) as (command, process):
        wait_until(first.exists)
        os.killpg(process.pid, signal.SIGKILL)
    written = first.stat().st_mtime_ns
    run = palingen(*command, "--json")
    assert run.returncode == 0, run.stderr
    assert [result["seed"] for result in json.loads(run.stdout)["runs"]] == [0, 1]
    assert first.stat().st_mtime_ns == written


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.torture)])
def test_ctrl_c_saves_every_run_and_the_same_command_completes_the_study(palingen, tmp_path, monkeypatch, jobs):
    folders = [tmp_path / "s" / run_name(replace(LONG, seed=seed)) for seed in range(jobs)]
    records = [folder / "records.jsonl" for folder in folders]
    seeds = jobs + 1
    with started_study(tmp_path, "--seeds", seeds, "--jobs", jobs) as (command, process):
        wait_until(lambda: all(path.exists() and path.stat().st_size for path in records))
        os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped, saved in" in stderr.splitlines()[-1]
    assert not (tmp_path / "s" / f"rnn-T30-seed{jobs}").exists()
    remaining = seeds * STEPS - sum(torch.load(folder / "resume.pt", weights_only=True)["step"] for folder in folders)

    steps = count_steps(monkeypatch)
    run = palingen(*command, "--json")  # with one job, in this process
    assert run.returncode == 0, run.stderr
    assert [result["seed"] for result in json.loads(run.stdout)["runs"]] == [*range(seeds)]
    assert len(steps) == (remaining if jobs == 1 else 0)
    assert 0 < remaining < seeds * STEPS
    assert not any((folder / "resume.pt").exists() for folder in folders)

    torch.set_num_threads(1)  # as a worker
    train_palindrome(LONG, tmp_path / "uninterrupted" / run_name(LONG))
    assert_same_runs([LONG], tmp_path / "s", tmp_path / "uninterrupted")
    interrupted, uninterrupted = (read_epochs(tmp_path / out / run_name(LONG)) for out in ("s", "uninterrupted"))
    assert interrupted == uninterrupted


@pytest.fixture
def dask_address(request):
    """Flags with the address of a Dask cluster of two processes, or none, with which a study starts one by itself."""
    if request.param == "new":
        yield ()
        return
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
        yield "--scheduler-address", cluster.scheduler_address


@pytest.mark.parametrize("dask_address", ["new", pytest.param("other", marks=pytest.mark.torture)], indirect=True)
def test_ctrl_c_stops_and_saves_the_runs_on_a_dask_cluster(tmp_path, dask_address):
    records = tmp_path / "s" / run_name(LONG) / "records.jsonl"
    flags = ("--seeds", 2, "--jobs", 1, "--backend", "dask", *dask_address)
    with started_study(tmp_path, *flags) as (_, process):
        wait_until(lambda: records.exists() and records.stat().st_size)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert stderr.splitlines()[-1].endswith("stopped, saved in s; the same command resumes it")
    assert 0 < torch.load(records.parent / "resume.pt", weights_only=True)["step"] < STEPS
    assert not (tmp_path / "s" / "rnn-T30-seed1").exists()  # one at a time, as --jobs says


def test_equal_cells_under_several_names_are_trained_once(tmp_path):
    paths = [write_code(tmp_path / name) for name in ("one", "two")]
    assert len(enumerate_runs(SMALL, [f"{path}:Mine" for path in (*paths, paths[0])], [5], 2)) == 2
