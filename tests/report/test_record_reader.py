"""Records are read with everything optional, and a damaged one is named in one line."""

import json
import shutil

import pytest
from fake_records import RUNS, gan_score, link_subset, palindrome_study
from support import ROOT

from palingen.report import records
from palingen.report.record_reader import read_records
from palingen.report.records import Records, StudyRecords
from palingen.runtime.errors import DataError


@pytest.fixture
def palindrome(tmp_path):
    """A report's folder with a copy of one run."""
    run = tmp_path / "runs" / "palindromes" / "rnn-T5-seed0"
    shutil.copytree(RUNS / "palindromes" / "rnn-T5-seed0", run)
    return run


def test_the_committed_records_hold_every_kind():
    committed = read_records(ROOT / "report")
    assert all(vars(committed).values())
    assert list(committed.gans) == list(records.GAN_RECIPES)
    assert all(gan.score and set(gan.snapshots) == set(records.STAGES) for gan in committed.gans.values())
    (again,) = committed.repeats_of("residual")
    assert again.run.config == {**committed.gans["residual"].run.config, "seed": 1}


def test_an_empty_folder_of_runs_has_no_records_of_any_kind(tmp_path):
    (tmp_path / "runs").mkdir()
    assert not any(vars(read_records(tmp_path)).values())


def test_a_report_without_a_folder_of_runs_is_named(tmp_path):
    with pytest.raises(DataError, match="runs: no such folder"):
        read_records(tmp_path)


def test_runs_are_selected_by_cell_and_length(palindrome):
    (run,) = read_records(palindrome.parents[2]).course_runs("rnn", 5)
    assert run.name == "runs/palindromes/rnn-T5-seed0"
    assert run.result["seed"] == 0
    assert len(run.of("epoch")) == run.config["epochs"]
    assert read_records(palindrome.parents[2]).course_runs("lstm", 5) == []


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", "{", r"config\.json: damaged"),
        ("config.json", '{"kind": "GanConfig"}', r"config\.json: damaged \(data is missing\)"),
        ("config.json", '{"kind": "OtherConfig"}', "made by another version"),
        ("environment.json", None, r"environment\.json: missing; make it again"),
        ("records.jsonl", "", "is not finished"),
        ("records.jsonl", '{"kind": "epoch"}\n', r"records\.jsonl: damaged \(epoch is missing\)"),
        ("records.jsonl", '{"kind": "result", "cell": "rnn"}\n', "length is missing"),
        ("records.jsonl", '{"kind": "epoche"}\n', "a record of the kind 'epoche'"),
    ],
)
def test_a_damaged_run_is_named_in_one_line(palindrome, file, content, message):
    (palindrome / file).unlink()
    if content is not None:
        (palindrome / file).write_text(content)
    with pytest.raises(DataError, match=message) as error:
        read_records(palindrome.parents[2])
    assert "rnn-T5-seed0" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_study_result_without_a_needed_key_is_named(tmp_path):
    study = json.loads((RUNS / "memory" / "study.json").read_text())
    (tmp_path / "runs" / "memory").mkdir(parents=True)
    (tmp_path / "runs" / "memory" / "study.json").write_text(json.dumps({**study, "runs": [{"cell": "rnn"}]}))
    with pytest.raises(DataError, match=r"study\.json: damaged \(runs\[0\]\.length is missing\)"):
        read_records(tmp_path)


def test_seeds_that_diverged_are_read_unless_another_study_has_their_result(tmp_path):
    study = json.loads((RUNS / "memory" / "study.json").read_text())
    run = study["runs"][0]
    diverged = [{"cell": run["cell"], "length": run["length"], "seed": seed, "accuracy": None} for seed in (0, 99)]
    for name, runs, lost in (("memory", [run], []), ("memory-1000", [{**run, "length": 1000}], diverged)):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "study.json").write_text(json.dumps({**study, "runs": runs, "diverged": lost}))
    assert run["seed"] == 0
    assert [result["seed"] for result in read_records(tmp_path).memory.diverged] == [99]
    (tmp_path / "runs" / "memory-1000" / "study.json").write_text(json.dumps({**study, "diverged": [{"cell": "rnn"}]}))
    with pytest.raises(DataError, match=r"memory-1000/study.json: damaged \(diverged\[0\].length is missing\)"):
        read_records(tmp_path)


def test_studies_of_recipe_memory_in_several_folders_are_one(tmp_path):
    study = json.loads((RUNS / "memory" / "study.json").read_text())
    run = study["runs"][0]
    for name, runs in {
        "memory": [run],
        "memory-10000": [{**run, "length": 10_000}, {**run, "accuracy": 0.5}],
    }.items():
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "study.json").write_text(json.dumps({**study, "runs": runs}))
    memory = read_records(tmp_path).memory
    assert memory.name == "runs/memory*/study.json"
    assert [(run["length"], run["accuracy"]) for run in memory.runs] == [(10, 0.5), (10_000, run["accuracy"])]
    other = {**study, "config": {**study["config"], "learning_rate": 0.5, "length": 7}}
    (tmp_path / "runs" / "memory-10000" / "study.json").write_text(json.dumps(other))
    with pytest.raises(DataError, match=r"memory-10000/study.json: learning_rate is not that of runs/memory/study"):
        read_records(tmp_path)


def test_the_threads_of_a_study_are_those_of_every_run():
    def threads(*environments):
        study = palindrome_study(*[("lstm", 10, 1.0, 100)] * len(environments))
        runs = [{**run, "environment": environment} for run, environment in zip(study.runs, environments, strict=True)]
        return StudyRecords(study.name, {}, runs).threads

    assert threads({"threads": 1}, {"threads": 1}) == 1
    assert threads({"threads": 1}, {"threads": 2}) is None
    assert threads({"threads": 1}, None) is None
    assert threads(None) is None


def test_a_shipped_score_belongs_only_to_a_run_with_the_config_of_the_shipped_weights(tmp_path):
    folder = link_subset(tmp_path / "same", "gan-course")
    assert read_records(folder).gans["course"].score_name == "src/palingen/pretrained/course/score.json"
    other = tmp_path / "other" / "runs" / "gan-course"
    shutil.copytree(RUNS / "gan-course", other, ignore=shutil.ignore_patterns("snapshots"))
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"epochs": 3}))
    assert read_records(tmp_path / "other").gans["course"].score is None


def test_a_run_with_weights_of_its_own_has_no_shipped_score(tmp_path):
    folder = tmp_path / "runs" / "gan-course"
    shutil.copytree(RUNS / "gan-course", folder, ignore=shutil.ignore_patterns("snapshots"))
    assert read_records(tmp_path).gans["course"].score
    (folder / "weights.safetensors").touch()
    assert read_records(tmp_path).gans["course"].score is None


def test_a_score_in_the_run_folder_comes_first(tmp_path):
    folder = tmp_path / "runs" / "gan-course"
    shutil.copytree(RUNS / "gan-course", folder, ignore=shutil.ignore_patterns("snapshots"))
    (folder / "score.json").write_text(json.dumps(gan_score(1.0)))
    course = read_records(tmp_path).gans["course"]
    assert (course.score["fd"], course.score_name) == (1.0, "runs/gan-course/score.json")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (
            "gan-course/score.json",
            '{"fd": 1.0}',
            r"score\.json: damaged \(n is missing\); make it again with this version",
        ),
        ("analysis/analysis.json", '[{"cell": "lstm"}]', r"analysis\.json: damaged \(\[0\]\.label is missing\)"),
    ],
)
def test_a_record_of_another_version_is_named(tmp_path, file, content, message):
    course = tmp_path / "runs" / "gan-course"
    shutil.copytree(RUNS / "gan-course", course, ignore=shutil.ignore_patterns("snapshots"))
    (tmp_path / "runs" / file).parent.mkdir(exist_ok=True)
    (tmp_path / "runs" / file).write_text(content)
    with pytest.raises(DataError, match=message):
        read_records(tmp_path)


def test_lengths_are_ascending_and_distinct(tmp_path):
    folder = link_subset(tmp_path / "report", "palindromes/*-T20-seed[01]", "palindromes/rnn-T5-seed0")
    assert read_records(folder).course_lengths == [5, 20]
    assert Records().course_lengths == []
