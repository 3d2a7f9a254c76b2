"""Reproductions in which a run diverges, networks are absent, runs are shortened, or other files lie by the records."""

import json

import pytest
import torch
from fake_records import link_subset
from support import ROOT

from palingen.runtime.errors import DataError
from palingen.runtime.parallel import ParallelConfig
from palingen.workflows.reproduce import Reproduction, read_comparison, select_steps

REPORT = ROOT / "report"


def test_a_step_shows_its_runs_as_they_finish_and_goes_on_after_one_that_diverges(tmp_path, monkeypatch, capsys):
    stopped = {"stopped": "loss is no longer a finite number", "folder": "lstm-T10-seed0", "accuracy": None}
    results = [stopped, {"folder": "lstm-T10-seed1", "accuracy": 0.75}]
    monkeypatch.setattr("palingen.workflows.reproduce.palindromes.run_study", lambda *_: iter(results))
    setup = Reproduction(REPORT / "runs", tmp_path / "runs", torch.device("cpu"), ParallelConfig(jobs=1))
    (step,) = select_steps(setup.steps(), ["memory/T10"])
    step.run()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "lstm-T10-seed0: loss is no longer a finite number"
    assert [line.partition(" runs,")[0] for line in lines[1:]] == ["memory: 1/30", "memory: 2/30"]
    assert lines[-1].endswith("lstm-T10-seed1: accuracy 0.75")
    assert json.loads((tmp_path / "runs" / "memory" / "study.json").read_text())["runs"] == []


@pytest.mark.torture  # analyzes three networks: half a minute
def test_networks_that_were_not_reproduced_are_analyzed_as_shipped_or_left_out(tmp_path):
    setup = Reproduction(REPORT / "runs", tmp_path / "runs", torch.device("cpu"), ParallelConfig(jobs=1))
    (step,) = select_steps(setup.steps(), ["memory-analysis"])
    setup.run(step)
    folder = tmp_path / "runs" / "memory-analysis"
    analyses = json.loads((folder / "analysis.json").read_text())
    assert [(analysis["cell"], analysis["length"]) for analysis in analyses] == [
        ("lstm", 200), ("gru", 200), ("rnn", 200)
    ]  # fmt: skip
    weights = json.loads((folder / "weights.json").read_text())
    assert weights == dict.fromkeys((analysis["label"] for analysis in analyses), "shipped")


def test_the_table_of_a_quick_reproduction_is_no_earlier_one(palingen, tmp_path):
    run = palingen("reproduce", "--quick", "--device", "cpu", "--out", "out", "--only", "model-summary")
    assert "the verdicts say nothing about the report" in run.stderr
    assert "Of shortened runs" in (tmp_path / "out" / "differences.md").read_text()
    with pytest.raises(DataError, match=r"differences.json: is of shortened runs"):
        read_comparison(tmp_path / "out" / "differences.json")


def test_files_of_others_beside_the_records_are_left_alone(tmp_path):
    reference = link_subset(tmp_path / "report", "palindromes/*-T5-seed0", "gan-course") / "runs"
    (reference / "palindromes" / ".DS_Store").touch()
    (reference / "gan-mine").mkdir()
    setup = Reproduction(reference, tmp_path / "runs", torch.device("cpu"), ParallelConfig(jobs=1))
    assert {"palindromes/T5", "gan-course"} <= {step.name for step in setup.steps()}
    assert "gan-mine" not in {step.name for step in setup.steps()}
