"""`palingen runs`, `show` and `diff`."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from itertools import pairwise

import pytest
from fake_records import RUNS

from palingen.cli import run_text
from palingen.workflows.run_overview import Summary
from palingen.workflows.run_overview.recipe_values import recipe_values


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Runs in every condition under runs/, and a width that no variable sets, as parallel tests do."""
    monkeypatch.delenv("COLUMNS", raising=False)
    runs = tmp_path / "runs"
    for name in ("palindromes/lstm-T20-seed1", "palindromes/rnn-T20-seed2", "gan-course"):
        shutil.copytree(RUNS / name, runs / name, ignore=shutil.ignore_patterns("*.npy"))
    shutil.copytree(RUNS / "ablations" / "rmsprop", runs / "study")
    unfinished = shutil.copytree(runs / "palindromes" / "lstm-T20-seed1", runs / "unfinished")
    (unfinished / "records.jsonl").write_text(
        "".join((unfinished / "records.jsonl").read_text().splitlines(keepends=True)[:40])
    )
    damaged = shutil.copytree(runs / "gan-course", runs / "damaged")
    (damaged / "records.jsonl").write_text('{"kind": "step"}\n')
    (runs / "bert").mkdir()
    (runs / "bert" / "config.json").write_text('{"model_type": "bert"}')
    (runs / "pictures").mkdir()
    return runs


def test_every_run_is_listed_with_its_condition_in_100_columns(palingen, folder):
    run = palingen("runs")
    assert run.returncode == 0
    assert max(map(len, run.stdout.splitlines())) <= 100
    lines = {line.split()[0]: line for line in run.stdout.splitlines() if line and line[0] != " "}
    names = ["bert", "damaged", "gan-course", "palindromes/lstm-T20-seed1", "palindromes/rnn-T20-seed2", "study"]
    assert list(lines) == ["run", *names, "unfinished"]
    assert "accuracy 43.60 %" in lines["palindromes/rnn-T20-seed2"]
    assert "palindrome course: length 20, cell rnn, seed 2" in " ".join(run.stdout.split())
    assert "damaged (" in run.stdout
    assert "epoch 40 of 100" in lines["unfinished"]
    assert "foreign" in lines["bert"]


def test_the_list_as_json(palingen, folder):
    result = json.loads(palingen("runs", "--json").stdout)
    by_name = {entry["folder"].removeprefix("runs/"): entry for entry in result["runs"]}
    assert by_name["palindromes/rnn-T20-seed2"]["overrides"] == {"length": 20, "cell": "rnn", "seed": 2}
    assert [by_name[name]["state"] for name in ("study", "unfinished", "damaged", "bert")] == [
        "finished", "unfinished", "damaged", "foreign",
    ]  # fmt: skip
    assert by_name["damaged"]["problems"]
    keys = {"folder", "kind", "state", "recipe", "overrides", "done", "total", "result", "modified", "bytes"}
    assert all(set(entry) == {*keys, "problems"} for entry in result["runs"])


def test_no_runs_and_no_folder(palingen, error_line, tmp_path):
    assert "runs: no such folder; train a run first" in error_line(palingen("runs"))
    (tmp_path / "runs").mkdir()
    run = palingen("runs")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "no runs in runs\n")
    assert json.loads(palingen("runs", "--json").stdout) == {"folder": "runs", "runs": []}


def test_names_with_control_characters_and_markup_are_shown_literally(palingen, folder):
    (folder / "study").rename(folder / "[red]\x1b[31ma:smile:")
    assert "[red]\N{REPLACEMENT CHARACTER}[31ma:smile:" in palingen("runs").stdout
    assert "\x1b" not in palingen("show", "runs/[red]\x1b[31ma:smile:").stdout


def test_a_run_is_shown_with_settings_environment_numbers_and_its_pictures_last(palingen, folder):
    text = palingen("show", "runs/gan-course").stdout
    assert max(map(len, text.splitlines())) <= 100
    parts = ("gan course: no monitor-samples", "latent-dim 100", "torch 2.13", "result", "runs/gan-course/end.png")
    assert [text.find(part) for part in parts] == sorted(text.find(part) for part in parts)
    assert text.find(parts[0]) >= 0
    assert text.splitlines()[-1].endswith(".png")
    record = json.loads(palingen("show", "runs/gan-course", "--json").stdout)
    assert record["config"]["latent_dim"] == 100
    assert record["numbers"]["result"]["epochs"] == 200
    assert "runs/gan-course/start.png" in record["pictures"]


@pytest.mark.parametrize("name", ["study", "unfinished", "damaged", "bert"])
def test_a_folder_in_any_condition_is_shown(palingen, folder, name):
    run = palingen("show", f"runs/{name}")
    assert (run.returncode, run.stderr) == (0, "")
    assert {"study": "lstm T=100 seed 2", "unfinished": "epoch 40", "damaged": "damaged (", "bert": "kind"}[
        name
    ] in run.stdout


def test_the_difference_of_two_runs_is_a_table_or_json(palingen, folder):
    pair = ("runs/palindromes/lstm-T20-seed1", "runs/palindromes/rnn-T20-seed2")
    text = palingen("diff", *pair).stdout
    assert max(map(len, text.splitlines())) <= 100
    assert "-0.564" in text
    result = json.loads(palingen("diff", *pair, "--json").stdout)
    assert result["settings"] == {"cell": ["lstm", "rnn"], "seed": [1, 2]}
    assert result["runs"] == list(pair)
    assert "Settings: no difference" in palingen("diff", pair[0], pair[0]).stdout
    assert palingen("diff", pair[0], "runs/damaged").returncode == 0
    assert palingen("diff", "pretrained:course", "pretrained:residual").returncode == 0


def test_what_is_no_run_is_named_in_one_line(palingen, error_line, folder):
    assert "runs/pictures: neither a run nor a study" in error_line(palingen("show", "runs/pictures"))
    assert "nowhere: no such folder" in error_line(palingen("diff", "nowhere", "runs/study"))


def test_colours_follow_the_environment(palingen, folder, monkeypatch):
    colour = re.compile(r"\x1b\[[0-9;]*3[0-8]")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert all(colour.search(palingen(*command).stdout) for command in (("runs",), ("show", "runs/study")))
    monkeypatch.setenv("NO_COLOR", "1")
    for command in (("runs",), ("show", "runs/study"), ("diff", "runs/study", "runs/gan-course"), ("--help",)):
        assert not colour.search(palingen(*command).stdout)


def test_the_list_imports_no_torch(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("PALINGEN_CACHE", str(tmp_path / "cache"))
    recipe_values()  # needs torch, once
    script = "import sys; from palingen.cli import app; app(['runs']); print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], cwd=folder.parent, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "no beta2-final"), (False, "no beta2-final"), (True, "beta2-final"), (0.99, "beta2-final 0.99"),
     ([0, 1, 2], "beta2-final 0 to 2"), ([10, 50], "beta2-final 10 50"), ("x\x1by", "beta2-final x\ufffdy")],
)  # fmt: skip
def test_settings_read_like_flags(value, text):
    assert run_text.setting_text("beta2_final", value) == text


def test_a_list_shortens_a_setting_that_a_damaged_file_has_made_long(tmp_path):
    summary = Summary(folder=tmp_path, kind="gan", state="finished", recipe="course", overrides={"data": "x" * 999})
    assert run_text.settings_text(summary) == f"gan course: data {'x' * 52}..."


@pytest.mark.parametrize(("size", "text"), [(12, "12 B"), (2048, "2 kB"), (5 * 2**20, "5 MB"), (3 * 2**30, "3 GB")])
def test_sizes_have_a_unit(size, text):
    assert run_text.size_text(size) == text


def test_the_age_is_that_of_the_last_change(tmp_path):
    summary = Summary(folder=tmp_path, kind="gan", state="finished", modified=time.time() - 7300)
    assert run_text.age_text(summary) == "2 h"


@pytest.mark.timing
def test_a_list_of_50_runs_takes_at_most_half_a_second(tmp_path):
    command = [sys.executable, "-m", "palingen", "runs", str(RUNS)]
    subprocess.run(command, capture_output=True, check=True)  # fills the cache
    times = [os.times()]
    for _ in range(3):
        subprocess.run(command, capture_output=True, check=True)
        times.append(os.times())
    processor_times = [time.children_user + time.children_system for time in times]
    assert min(end - start for start, end in pairwise(processor_times)) < 0.5  # of a machine that others slow down too
