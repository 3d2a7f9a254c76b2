"""`palingen palindrome train` and `analyze`."""

import json
import shutil
import sys

import pytest
from tracker_logs import read_mlflow, read_tensorboard

TRAIN = ("palindrome", "train", "--num-samples", 200, "--hidden-size", 8)


def test_training_prints_its_result_and_where_it_is(palingen, tmp_path):
    run = palingen(*TRAIN, "--epochs", 2, "--out", "run", "--json")
    result = json.loads(run.stdout)
    assert {"cell", "length", "seed", "accuracy", "loss", "seconds", "engine", "folder"} <= set(result)
    assert result["engine"] in ("native", "compiled", "reference")
    assert all((tmp_path / file).exists() for file in result["files"])
    assert json.loads(palingen(*TRAIN, "--epochs", 2, "--out", "run", "--json").stdout) == result


def test_the_engine_is_a_flag_and_not_a_setting(palingen, tmp_path):
    results = [
        json.loads(palingen(*TRAIN, "--epochs", 1, "--engine", engine, "--out", engine, "--json").stdout)
        for engine in ("auto", "reference")
    ]
    assert results[1]["engine"] == "reference"
    assert results[0]["accuracy"] == results[1]["accuracy"]
    configs = [(tmp_path / engine / "config.json").read_text() for engine in ("auto", "reference")]
    assert configs[0] == configs[1]


def test_trackers_may_be_named_together_or_one_by_one(palingen, tmp_path):
    for out, flags in (
        ("once", ("--track", "tensorboard", "mlflow")),
        ("twice", ("--track", "tensorboard", "--track", "mlflow")),
    ):
        assert palingen(*TRAIN, "--epochs", 1, *flags, "--out", out).returncode == 0
        for read in (read_tensorboard, read_mlflow):
            assert [epoch for epoch, _ in read(tmp_path / out).numbers["epoch/loss"]] == [1]


def test_a_tracker_that_is_not_installed_is_named_with_the_extra_that_brings_it(
    palingen, error_line, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "wandb", None)
    line = error_line(palingen(*TRAIN, "--track", "wandb", "--out", "run"))
    assert "needs the package 'wandb', which is not installed (pip install 'palingen[wandb]')" in line
    assert not (tmp_path / "run").exists()


def test_without_json_the_result_is_a_table(palingen):
    table = palingen(*TRAIN, "--epochs", 1, "--out", "run").stdout
    assert "Palindrome training" in table
    assert "% of the unseen palindromes" in table


def test_repeated_samples_are_announced_in_one_line(palingen):
    run = palingen("palindrome", "train", "--epochs", 1, "--hidden-size", 4, "--batch-size", 4000)
    assert "T = 5 has only 1,000 palindromes" in run.stderr


@pytest.fixture
def trained(palingen):
    for cell in ("lstm", "rnn"):
        assert palingen(*TRAIN, "--cell", cell, "--length", 8, "--epochs", 1, "--out", cell).returncode == 0


def test_analysis_writes_figure_and_numbers_to_out(palingen, tmp_path, trained):
    result = json.loads(palingen("palindrome", "analyze", "lstm", "rnn", "--out", "there", "--json").stdout)
    assert [row["run"] for row in result["gradient_retention"]] == ["lstm", "rnn"]
    assert all(row["untrained"] > 0 and row["trained"] > 0 for row in result["gradient_retention"])
    assert {row["run"] for row in result["recall"]} == {"lstm", "rnn"}
    assert all(0 <= row["accuracy"] <= 1 for row in result["recall"])
    assert result["folder"] == "there"
    files = sorted(path.name for path in (tmp_path / "there").iterdir())
    assert files == ["analysis.json", "analysis.png", "memory_span.png"]


def test_runs_of_the_same_cell_length_and_name_are_told_apart_by_their_paths(palingen, tmp_path, trained):
    (tmp_path / "again").mkdir()
    shutil.copytree(tmp_path / "rnn", tmp_path / "again" / "rnn")
    assert palingen("palindrome", "analyze", "rnn", "again/rnn", "--out", "there").returncode == 0
    records = json.loads((tmp_path / "there" / "analysis.json").read_text())
    assert [record["label"] for record in records] == ["rnn T = 8, rnn", "rnn T = 8, again/rnn"]


def test_analysis_goes_under_runs_by_default_and_not_into_the_run(palingen, tmp_path, trained):
    before = sorted((tmp_path / "rnn").iterdir())
    result = json.loads(palingen("palindrome", "analyze", "rnn", "--json").stdout)
    assert result["folder"] == "runs/analyze/rnn"
    assert sorted((tmp_path / "rnn").iterdir()) == before
    together = json.loads(palingen("palindrome", "analyze", "rnn", "pretrained:rnn", "--json").stdout)
    assert together["folder"] == "runs/analyze/rnn-rnn"


def test_analysis_of_nothing_and_of_no_run_is_an_error(palingen, error_line):
    assert "must name at least one run folder" in error_line(palingen("palindrome", "analyze"))
    assert "nowhere: not a run folder" in error_line(palingen("palindrome", "analyze", "nowhere"))


def test_an_exported_network_is_analysed_and_loaded(palingen, tmp_path, error_line):
    study = ("palindrome", "study", "--recipe", "course", "--cells", "gru", "--lengths", 6, "--seeds", 1, "--epochs", 2)
    assert palingen(*study, "--num-samples", 200, "--hidden-size", 8, "--jobs", 1, "--out", "study").returncode == 0
    export = ("palindrome", "export", "study", "--cell", "gru", "--length", 6, "--out", "mine")
    result = json.loads(palingen(*export, "--json").stdout)
    assert result["files"] == [
        f"mine/{name}" for name in ("start.safetensors", "middle.safetensors", "end.safetensors", "score.json")
    ]
    score = json.loads((tmp_path / "mine" / "score.json").read_text())
    assert score["commands"][0].startswith("palingen palindrome study --recipe course --cells gru")
    assert score["commands"][1] == "palingen palindrome export study --cell gru --length 6 --out mine --json"
    analysis = json.loads(palingen("palindrome", "analyze", "mine/end.safetensors", "--json").stdout)
    assert analysis["gradient_retention"][0]["trained"] > 0
    assert "no finished run" in error_line(palingen("palindrome", "export", "study", "--length", 7))
