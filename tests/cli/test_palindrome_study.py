"""`palingen palindrome study`."""

import json
import re

import pytest
from palindrome_runs import diverge
from tracker_logs import read_tensorboard

from palingen.cli.console import output_console
from palingen.cli.study_progress import accuracy_table, show_study_progress

SMALL = ("--recipe", "course", "--num-samples", 200, "--hidden-size", 4, "--epochs", 1, "--jobs", 1)
STUDY = ("palindrome", "study", *SMALL, "--cells", "rnn", "--lengths", 5, "--seeds", 1, "--out", "s")


def read_study(folder):
    return json.loads((folder / "s" / "study.json").read_text())


def test_a_study_records_its_config_and_the_environment_of_every_run(palingen, tmp_path):
    result = json.loads(palingen(*STUDY, "--json").stdout)
    keys = {"cell", "length", "seed", "accuracy", "loss", "seconds", "folder"}
    assert [set(run) for run in result["runs"]] == [keys]
    assert all((tmp_path / file).exists() for file in result["files"])
    study = read_study(tmp_path)
    assert set(study) == {"config", "planned", "runs", "diverged"}
    assert study["planned"] == 1
    assert study["config"]["kind"] == "PalindromeConfig"
    (run,) = study["runs"]
    environment = json.loads((tmp_path / "s" / run["folder"] / "environment.json").read_text())
    assert run["environment"] == environment
    assert environment["threads"] == 1  # a worker's


def test_a_second_command_adds_runs_and_keeps_the_environments_of_the_first(palingen, tmp_path):
    assert palingen(*STUDY).returncode == 0
    (first,) = read_study(tmp_path)["runs"]
    second = palingen(*STUDY[:-4], "--seeds", 2, "--out", "s", "--engine", "reference", "--json")
    assert re.match(r"study: 1/2 runs, \d+ s so far  rnn T=5 seed 0: ", second.stderr)  # no rate: it was read again
    assert [run["seed"] for run in json.loads(second.stdout)["runs"]] == [0, 1]
    unchanged, added = read_study(tmp_path)["runs"]
    assert unchanged == first
    assert added["environment"]["engine"] == "reference"


def test_a_tracker_that_fails_in_the_workers_is_named_at_the_end(palingen, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nowhere://store")
    run = palingen(*STUDY[:-4], "--seeds", 2, "--out", "s", "--track", "mlflow", "tensorboard")
    assert run.returncode == 0
    *_, line = run.stderr.splitlines()
    assert line.startswith("tracking: mlflow failed in 2 of the runs (")
    assert line.endswith("), which went on without it")
    for seed in (0, 1):
        log = read_tensorboard(tmp_path / "s" / f"rnn-T5-seed{seed}")
        assert (log.config["seed"], len(log.numbers["epoch/loss"])) == (seed, 1)


def test_a_study_of_other_settings_needs_another_folder(palingen, error_line):
    assert palingen(*STUDY).returncode == 0
    message = "s: holds a study with other settings (learning_rate=0.01, was 0.001); choose another folder with --out"
    assert message in error_line(palingen(*STUDY, "--learning-rate", 0.01))


def test_force_trains_with_other_settings_and_drops_the_runs_of_the_old_ones(palingen, tmp_path):
    assert palingen(*STUDY[:-4], "--seeds", 2, "--out", "s").returncode == 0
    assert palingen(*STUDY, "--learning-rate", 0.01, "--force").returncode == 0
    study = read_study(tmp_path)
    assert study["config"]["learning_rate"] == 0.01
    assert [run["seed"] for run in study["runs"]] == [0]
    summary = json.loads(palingen("show", "s", "--json").stdout)
    assert (summary["state"], summary["done"], summary["total"]) == ("finished", 1, 1)


def test_runs_of_other_settings_and_kinds_in_the_folder_do_not_enter_the_study(palingen, tmp_path):
    train = (
        "palindrome",
        "train",
        *SMALL[:-2],
        "--length",
        5,
        "--seed",
        7,
        "--learning-rate",
        0.01,
        "--out",
        "s/other",
    )
    assert palingen(*train).returncode == 0
    (tmp_path / "s" / "gan").mkdir()
    (tmp_path / "s" / "gan" / "config.json").write_text('{"kind": "GanConfig"}')
    (tmp_path / "s" / "gan" / "weights.safetensors").touch()
    assert palingen(*STUDY).returncode == 0
    assert [run["seed"] for run in read_study(tmp_path)["runs"]] == [0]


@pytest.fixture
def first_seed_diverges(monkeypatch):
    """Trainings with seed 0 diverge."""
    diverge(monkeypatch, 0)


def test_a_study_goes_on_without_a_run_that_diverges_and_names_it(palingen, tmp_path, first_seed_diverges):
    run = palingen(*STUDY[:-4], "--seeds", 2, "--out", "s", "--json")
    assert run.returncode == 0, run.stderr
    diverged, finished = json.loads(run.stdout)["runs"]
    assert (diverged["seed"], diverged["accuracy"]) == (0, None)
    assert diverged["stopped"].startswith("loss is no longer a finite number at step 2 of 2 (")
    assert "stopped" not in finished
    assert "rnn T=5 seed 0: loss is no longer a finite number" in run.stderr
    study = read_study(tmp_path)
    assert [result["seed"] for result in study["runs"]] == [1]
    assert study["diverged"] == [{**diverged, "folder": "rnn-T5-seed0"}]
    assert str(tmp_path) not in json.dumps(study)


def test_a_run_that_diverged_stays_in_the_study_until_it_is_trained_anew(palingen, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        diverge(patch, 0)
        assert palingen(*STUDY).returncode == 0
    assert palingen(*("lstm" if argument == "rnn" else argument for argument in STUDY)).returncode == 0
    study = read_study(tmp_path)
    assert ([run["cell"] for run in study["runs"]], [run["cell"] for run in study["diverged"]]) == (["lstm"], ["rnn"])
    overview = json.loads(palingen("runs", "s", "--json").stdout)["runs"]
    assert [run["result"].get("diverged") for run in overview if run["folder"] == "s"] == [1]
    assert palingen(*STUDY).returncode == 0
    study = read_study(tmp_path)
    assert (len(study["runs"]), study["diverged"]) == (2, [])
    assert "diverged" not in palingen("runs", "s", "--json").stdout


def test_the_table_counts_runs_that_diverged(palingen, first_seed_diverges):
    assert "1/2, 1 stopped" in palingen(*STUDY[:-4], "--seeds", 2, "--out", "s").stdout


def test_a_study_of_which_every_run_diverges_has_a_table_and_no_figure(palingen, tmp_path, first_seed_diverges):
    run = palingen(*STUDY)
    assert run.returncode == 0, run.stderr
    assert "0/1, 1 stopped" in run.stdout
    assert read_study(tmp_path)["runs"] == []
    assert not [*(tmp_path / "s").glob("*.png")]
    assert "1 diverged" in palingen("runs", "s").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--seeds", 0), "seeds=0: must be at least 1"),
        (("--jobs", 0), "jobs=0: must be at least 1"),
        (("--lengths", 1), "length=1: must be at least 2"),
        (("--length", 9), "length=9: is set by the study; use --lengths"),
        (("--cell", "gru"), "cell='gru': is set by the study; use --cells"),
        (("--seed", 1), "seed=1: is set by the study; use --seeds"),
        (("--cells", "lstn"), "lstn"),
        (("--recipe", "curse"), "did you mean 'course'"),
        (("--no-online-data",), "needs online_data"),
    ],
)
def test_an_invalid_value_is_named_in_one_line(palingen, error_line, arguments, message):
    assert message in error_line(palingen("palindrome", "study", *arguments))


def test_the_table_of_a_study_has_a_row_for_each_cell_and_a_column_for_each_length(capsys):
    results = [{"cell": "lstm", "length": 20, "seed": seed, "accuracy": 0.9 + seed / 100} for seed in range(3)]
    runs = [(cell, length) for cell in ("lstm", "rnn") for length in (20, 10) for seed in range(3)]
    output_console().print(accuracy_table(results, runs))
    text = capsys.readouterr().out
    assert text.index("T = 10") < text.index("T = 20")
    assert "90.0 91.0 92.0 3/3" in text
    assert text.count("0/3") == 3


def test_the_median_of_two_seeds_lies_between_them(capsys):
    results = [{"cell": "rnn", "length": 20, "seed": seed, "accuracy": (0.1, 1.0)[seed]} for seed in range(2)]
    output_console().print(accuracy_table(results))
    assert "10.0 55.0 100.0 2/2" in capsys.readouterr().out


def test_the_table_of_all_results_follows_the_study_and_the_pictures_come_last(palingen):
    lines = palingen(*STUDY).stdout.splitlines()
    assert lines[0].startswith("Accuracy on unseen palindromes")
    assert lines[-2:] == ["s/study.json", "s/accuracy_by_length.png"]


def test_every_finished_run_is_a_line_of_progress_with_its_numbers(palingen):
    err = palingen(*STUDY).stderr
    assert re.match(r"study: 1/1 runs, took .*  rnn T=5 seed 0: accuracy 0\.\d+, seconds ", err)


def test_the_record_of_a_study_is_written_after_every_run():
    written = []

    def results():
        for seed in range(3):
            assert len(written) == seed
            yield {"seed": seed}

    done = show_study_progress(3, results(), lambda done: "", lambda result: ("run", {}), lambda: written.append(1))
    assert (len(done), len(written)) == (3, 3)
