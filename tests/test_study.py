import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from palingen.errors import ConfigError, PalingenError
from palingen.recurrence import study as studies
from palingen.recurrence.experiment import PalindromeRun
from palingen.recurrence.study import folder_of, plan, study
from palingen.weights import load_weights
from palingen.workers import Workers

CPU = torch.device("cpu")
SMALL = PalindromeRun(samples=200, hidden=8, epochs=2, batch_size=50)
FLAGS = ("--recipe", "course", "--samples", 200, "--hidden", 8, "--epochs", 2, "--batch-size", 50)


def test_a_plan_is_every_cell_at_every_length_with_every_seed_the_longest_first():
    runs = plan(SMALL, ["lstm", "rnn", "lstm"], [5, 9, 5], 2)
    assert [(run.length, run.cell, run.seed) for run in runs] == [
        (length, cell, seed) for length in (9, 5) for cell in ("lstm", "rnn") for seed in (0, 1)
    ]
    assert len({folder_of(studies.Path("out"), run) for run in runs}) == len(runs)


def test_a_study_in_two_processes_makes_the_same_runs_as_one_after_the_other(tmp_path):
    runs = plan(SMALL, ["lstm", "rnn"], [5], 2)
    for name, jobs in (("one", 1), ("two", 2)):
        results = list(study(runs, tmp_path / name, CPU, Workers(jobs=jobs)))
        assert {(result["cell"], result["seed"]) for result in results} == {(run.cell, run.seed) for run in runs}
    for run in runs:
        one, two = (load_weights(folder_of(tmp_path / name, run) / "weights.safetensors") for name in ("one", "two"))
        assert all(torch.equal(one[name], two[name]) for name in one)


def test_dask_workers_make_the_same_runs(tmp_path):
    distributed = pytest.importorskip("distributed")
    runs = plan(SMALL, ["rnn"], [5], 2)
    list(study(runs, tmp_path / "here", CPU, Workers(jobs=1)))
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        workers = Workers(backend="dask", scheduler=cluster.scheduler_address)
        results = list(study(runs, tmp_path / "there", CPU, workers))
    assert len(results) == 2
    for run in runs:
        here, there = (load_weights(folder_of(tmp_path / at, run) / "weights.safetensors") for at in ("here", "there"))
        assert all(torch.equal(here[name], there[name]) for name in here)


def test_a_backend_that_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(PalingenError, match=r"needs the package 'ray' \(pip install"):
        list(study(plan(SMALL, ["rnn"], [5], 1), tmp_path, CPU, Workers(backend="ray")))


def test_the_command_says_what_every_run_reached_and_draws_it(palingen, tmp_path):
    run = palingen(
        "palindrome", "study", *FLAGS, "--cells", "rnn", "lstm", "--lengths", 4, 5, "--seeds", 2, "--out", "s", "--json"
    )
    found = json.loads(run.stdout)
    assert [(one["cell"], one["length"], one["seed"]) for one in found["runs"]] == [
        (cell, length, seed) for length in (4, 5) for cell in ("rnn", "lstm") for seed in (0, 1)
    ]
    assert {"cell", "length", "seed", "accuracy", "loss", "seconds", "folder"} == set(found["runs"][0])
    assert "8/8" in run.stderr
    assert (tmp_path / "s" / "memory.png").stat().st_size > 5_000
    kept = json.loads((tmp_path / "s" / "study.json").read_text())

    def reached(runs):
        return {(one["cell"], one["length"], one["seed"]): one["accuracy"] for one in runs}

    assert reached(kept["runs"]) == reached(found["runs"])
    more = palingen(
        "palindrome", "study", *FLAGS, "--cells", "gru", "--lengths", 4, "--seeds", 1, "--out", "s", "--json"
    )
    assert len(json.loads(more.stdout)["runs"]) == 1
    assert len(json.loads((tmp_path / "s" / "study.json").read_text())["runs"]) == 9


def test_a_killed_study_goes_on_and_does_not_run_again_what_is_finished(palingen, tmp_path):
    arguments = (
        "palindrome",
        "study",
        *FLAGS,
        "--cells",
        "rnn",
        "--lengths",
        5,
        "--seeds",
        3,
        "--jobs",
        1,
        "--out",
        "s",
    )
    command = [sys.executable, "-m", "palingen", *map(str, arguments)]
    first = tmp_path / "s" / "rnn-T5-seed0" / "weights.safetensors"
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not first.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    made = first.stat().st_mtime_ns
    run = palingen(*arguments, "--json")
    assert [one["seed"] for one in json.loads(run.stdout)["runs"]] == [0, 1, 2]
    assert first.stat().st_mtime_ns == made


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_saves_every_run_and_the_same_command_goes_on(tmp_path, jobs):
    arguments = (
        "palindrome",
        "study",
        *("--recipe", "course", "--samples", 400, "--hidden", 8, "--batch-size", 4, "--epochs", 400),
        *("--cells", "rnn", "--lengths", 30, "--seeds", 3, "--jobs", jobs, "--out", "s"),
    )
    command = [sys.executable, "-m", "palingen", *map(str, arguments)]
    records = [tmp_path / "s" / f"rnn-T30-seed{seed}" / "records.jsonl" for seed in range(jobs)]
    options = {"cwd": tmp_path, "stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, start_new_session=True, **options) as process:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and not all(path.exists() and path.stat().st_size for path in records):
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        _, words = process.communicate(timeout=60)
    assert process.returncode == 130
    assert words.strip().splitlines()[-1] == "palingen: stopped, saved in s; the same command again goes on from there"
    assert all((path.parent / "resume.pt").exists() for path in records)
    assert not (tmp_path / "s" / f"rnn-T30-seed{jobs}").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--seeds", 0), "seeds: 0 is not at least 1"),
        (("--jobs", -1), "jobs: -1 is not at least 0"),
        (("--lengths", 1), "length: 1 is not at least 2"),
        (("--length", 9), "it takes --lengths"),
        (("--cells", "lstn"), "lstn"),
        (("--recipe", "curse"), "did you mean 'course'"),
        (("--no-stream",), "possible without --stream"),
    ],
)
def test_a_wrong_value_is_named_in_one_line(palingen, flags, words):
    run = palingen("palindrome", "study", *flags)
    assert run.returncode == 2
    assert words in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1


def test_a_flag_changes_one_setting_of_the_recipe_and_leaves_the_others():
    from palingen import recipes
    from palingen.cli import app

    _, bound, _ = app.parse_args(["palindrome", "study", "--hidden", "32"], exit_on_error=False, print_error=False)
    assert bound.arguments["config"] == studies.replace(recipes.PALINDROME["memory"], hidden=32)


def test_a_config_refuses_what_cannot_be_together():
    for wrong in ({"curriculum": 0.9}, {"stop_at": 0.9}, {"chrono": True, "forget_bias": 1.0}):
        with pytest.raises(ConfigError, match="not possible"):
            PalindromeRun(**wrong)
