"""Summaries of runs and studies in any condition, lists of them, and differences."""

import json
import random
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from damage import ANY_FILE, JSON_FILE
from fake_records import RUNS
from palindrome_runs import SMALL, interrupt_at_step

from palingen import recipes
from palingen.gan.config import GanConfig
from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.train import train_palindrome
from palingen.runtime.config_io import OLD_ENDING
from palingen.runtime.errors import Interrupted, PalingenError
from palingen.runtime.paths import cache_folder
from palingen.workflows.run_overview import compare, find_runs, read_summary, resolve_run
from palingen.workflows.run_overview.recipe_values import closest_recipe, recipe_values
from palingen.workflows.run_overview.run_summary import KINDS

CONFIG = PalindromeConfig(**SMALL, length=7, epochs=3)


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("PALINGEN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def run(tmp_path):
    """A copy of a committed run, a finished one."""
    return shutil.copytree(RUNS / "palindromes" / "lstm-T5-seed0", tmp_path / "run")


def test_a_finished_run_is_summarised(tmp_path):
    result = train_palindrome(CONFIG, tmp_path / "run", engine="reference")
    summary = read_summary(tmp_path / "run")
    assert (summary.kind, summary.state, summary.problems) == ("palindrome", "finished", ())
    assert (summary.done, summary.total) == (3, 3)
    assert summary.recipe == "course"
    assert summary.overrides == {**SMALL, "length": 7, "epochs": 3}
    assert summary.result["accuracy"] == result["accuracy"]
    assert summary.environment["threads"] >= 1
    assert summary.size == sum(path.stat().st_size for path in (tmp_path / "run").iterdir())
    assert summary.modified == max(
        path.stat().st_mtime for path in (tmp_path / "run").iterdir() if path.name != ".lock"
    )


def test_a_checkpoint_that_a_kill_left_beside_the_weights_makes_no_run_unfinished(tmp_path):
    train_palindrome(CONFIG, tmp_path / "run", engine="reference")
    (tmp_path / "run" / "resume.pt").touch()
    assert read_summary(tmp_path / "run").state == "finished"
    (tmp_path / "run" / "weights.safetensors").unlink()
    assert read_summary(tmp_path / "run").state == "unfinished"


def test_an_unfinished_run_shows_its_progress_even_while_a_record_is_written(tmp_path, monkeypatch):
    interrupt_at_step(monkeypatch, 12)
    with pytest.raises(Interrupted):
        train_palindrome(CONFIG, tmp_path / "run", engine="reference")
    with (tmp_path / "run" / "records.jsonl").open("a") as records:
        records.write('{"kind": "epo')
    summary = read_summary(tmp_path / "run")
    assert (summary.state, summary.problems) == ("unfinished", ())
    assert (summary.done, summary.total) == (2, 3)
    assert set(summary.result) == {"test_accuracy", "loss"}


def test_a_run_without_a_record_yet_is_unfinished(run):
    (run / "records.jsonl").write_text("")
    assert (read_summary(run).state, read_summary(run).done, read_summary(run).result) == ("unfinished", 0, {})


@pytest.mark.parametrize(("folder", "result"), [
    ("gan-public-script", {"fd", "recall"}), ("gan-residual", {"monitor_fd"}), ("gan-stacked", {"modes"}),
    ("gan-course", {"real_accuracy", "fake_accuracy"}),
])  # fmt: skip
def test_a_gan_shows_its_score_else_what_was_monitored_else_the_discriminators_accuracy(folder, result):
    summary = read_summary(RUNS / folder)
    assert (summary.kind, summary.state, summary.recipe) == ("gan", "finished", folder.removeprefix("gan-"))
    assert set(summary.result) == result


def test_a_shipped_generator_is_summarised_from_the_config_in_its_weights():
    summary = read_summary(resolve_run("pretrained:residual"))
    assert (summary.kind, summary.state, summary.recipe, dict(summary.overrides)) == ("gan", "finished", "residual", {})
    assert summary.result["fd"] == summary.numbers["score"]["fd"]
    assert summary.done == summary.total


@pytest.mark.parametrize("name", ["lstm-memory", "rnn"])
def test_a_shipped_palindrome_network_is_summarised_with_the_accuracy_of_its_seed(name):
    summary = read_summary(resolve_run(f"pretrained:{name}"))
    assert (summary.kind, summary.state, summary.problems) == ("palindrome", "finished", ())
    assert summary.config["cell"] == name.removesuffix("-memory")
    assert summary.result == {"accuracy": summary.numbers["score"]["seeds"][0]["accuracy"]}


def test_an_unknown_shipped_network_is_refused_with_the_names_there_are():
    with pytest.raises(PalingenError, match="course, gru, gru-memory, lstm"):
        resolve_run("pretrained:palindromes")


def test_studies_are_summarised_from_their_runs():
    memory, variants = read_summary(RUNS / "memory"), read_summary(RUNS / "comparison")
    assert (memory.kind, memory.state, memory.recipe) == ("palindrome study", "finished", "memory")
    assert memory.done == memory.total == len(memory.numbers)
    assert memory.overrides["cells"] == ["gru", "lstm", "rnn"]
    assert memory.result["lowest_accuracy"] == min(run["accuracy"] for run in memory.numbers.values())
    assert variants.kind == "gan study"
    assert variants.result["lowest_fd"] == min(run["fd"] for run in variants.numbers.values() if run)
    assert variants.environment["torch"]


def test_a_study_with_a_run_that_it_has_not_counted_is_unfinished(tmp_path, run):
    shutil.copy(RUNS / "ablations" / "rmsprop" / "study.json", tmp_path)
    config = json.loads((tmp_path / "study.json").read_text())["config"]
    for number in range(5):
        shutil.copytree(run, tmp_path / f"run{number}")
        (tmp_path / f"run{number}" / "config.json").write_text(json.dumps({**config, "seed": number}))
    summary = read_summary(tmp_path)  # `run` has other settings, and is not one of the study
    assert (summary.state, summary.done, summary.total) == ("unfinished", 3, 5)


@pytest.mark.parametrize("name", [*recipes.GAN, *recipes.PALINDROME])
def test_the_recipe_and_what_differs_are_recovered_from_a_config(name):
    config = {**recipes.GAN, **recipes.PALINDROME}[name] if name != "course" else recipes.GAN[name]
    changed = replace(config, seed=7, epochs=config.epochs + 1)
    record = {"kind": type(changed).__name__, **vars(changed)}
    assert closest_recipe(record) == (name, {"seed": 7, "epochs": config.epochs + 1})


def test_a_recipe_that_the_config_equals_counts_most_then_the_one_that_the_command_names():
    public = {"kind": "GanConfig", **vars(recipes.GAN["public-script"])}
    overrides = {"beta1": 0.5, "batchnorm_eps": 0.8, "discriminator_loss_weight": 0.5, "seed": 7}
    seeded = {**public, "seed": 7}
    assert closest_recipe(seeded, "palingen gan train --recipe course --beta1 0.5") == ("course", overrides)
    assert closest_recipe(public, "palingen gan train --recipe course --beta1 0.5") == ("public-script", {})
    assert closest_recipe(public, "palingen gan train --recipe=no-longer-there") == ("public-script", {})
    assert closest_recipe({"kind": "OtherConfig"}) == (None, {})


def test_the_values_of_the_recipes_are_cached_and_a_damaged_cache_is_made_again(own_cache):
    values = recipe_values()
    assert values["GanConfig"]["residual"] == vars(recipes.GAN["residual"])
    assert set(values) == set(KINDS)
    (path,) = cache_folder().iterdir()
    for text in ("{", '{"GanConfig": 3}'):
        path.write_text(text)
        assert recipe_values() == values
        assert json.loads(path.read_text()) == values


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PALINGEN_CACHE", str(tmp_path / "file"))
    assert "course" in recipe_values()["GanConfig"]


def test_runs_are_read_without_torch(own_cache):
    recipe_values()  # fills the cache
    script = f"""
import sys
from pathlib import Path
from palingen.workflows.run_overview import find_runs
assert len(list(find_runs(Path({str(RUNS / "palindromes")!r})))) > 20
print([name for name in ("torch", "numpy", "matplotlib", "joblib") if name in sys.modules])
"""
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_study_stands_for_its_runs_unless_it_is_named(tmp_path, run):
    study = tmp_path / "runs" / "study"
    shutil.copytree(run, study / "one")
    shutil.copytree(run, tmp_path / "runs" / "alone")
    shutil.copy(RUNS / "ablations" / "rmsprop" / "study.json", study)
    (tmp_path / "runs" / "back").symlink_to(tmp_path / "runs")
    (tmp_path / "runs" / "linked").symlink_to(run)
    names = [summary.folder.name for summary in find_runs(tmp_path / "runs")]
    assert names == ["alone", "linked", "study"]
    assert [summary.folder.name for summary in find_runs(study)] == ["study", "one"]
    with pytest.raises(PalingenError, match="no such folder"):
        list(find_runs(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"model_type": "bert"}', "kind is missing"),
        ('{"kind": "BertConfig"}', "not a run of this version"),
        (json.dumps({"kind": f"Gan{OLD_ENDING}"}), "older version"),
        ("// comments", "not of palingen"),
    ],
)
def test_a_config_of_another_program_or_version_is_foreign(tmp_path, content, problem):
    (tmp_path / "config.json").write_text(content)
    (summary,) = find_runs(tmp_path)
    assert (summary.kind, summary.state) == ("unknown", "foreign")
    assert problem in summary.problems[0]


def test_missing_files_of_a_run_are_damage(run):
    (run / "config.json").unlink()
    summary = read_summary(run)
    assert summary.state == "damaged"
    assert "config.json: missing" in summary.problems[0]


def test_weights_of_other_settings_or_without_a_result_are_damage(tmp_path):
    train_palindrome(CONFIG, tmp_path / "run", engine="reference")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    (tmp_path / "run" / "config.json").write_text(json.dumps({**config, "learning_rate": 0.5}))
    assert "other settings" in read_summary(tmp_path / "run").problems[0]
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    assert read_summary(tmp_path / "run").problems == ()
    (tmp_path / "run" / "records.jsonl").write_text("")
    assert "no result" in read_summary(tmp_path / "run").problems[0]


@pytest.mark.parametrize("file", ["config.json", "environment.json", "records.jsonl", "score.json", "study.json"])
def test_no_damage_raises_and_every_difference_is_computed(file, run):
    intact = read_summary(run)
    source = {"score.json": RUNS / "gan-public-script", "study.json": RUNS / "ablations" / "rmsprop"}.get(file, run)
    content, states = (source / file).read_bytes(), []
    for case, damage in enumerate((*ANY_FILE, *JSON_FILE) * 2):
        (run / file).write_bytes(damage(content, random.Random(case)))
        summary = read_summary(run)
        states.append(summary.state)
        assert bool(summary.problems) == (summary.state in ("damaged", "foreign"))
        assert not any("\n" in problem for problem in summary.problems)
        json.dumps(compare(intact, summary))
    assert states.count("damaged") > 10


def test_a_folder_that_may_not_be_read_is_passed_over(tmp_path, run, monkeypatch):
    closed, iterdir = tmp_path / "closed", Path.iterdir

    def refuse(path):
        if path == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return iterdir(path)

    closed.mkdir()
    monkeypatch.setattr(Path, "iterdir", refuse)
    assert [summary.folder for summary in find_runs(tmp_path)] == [run]


def test_the_difference_of_two_runs_is_in_settings_environment_and_results():
    first, second = (read_summary(RUNS / "palindromes" / name) for name in ("lstm-T5-seed0", "rnn-T20-seed2"))
    differences = compare(first, second)
    assert differences["settings"] == {"length": (5, 20), "cell": ("lstm", "rnn"), "seed": (0, 2)}
    assert differences["results"]["result accuracy"] == (1.0, 0.436)
    assert "result seed" not in differences["results"]  # a setting
    assert compare(first, first) == {"settings": {}, "environment": {}, "results": {}}


def test_a_field_that_an_older_version_did_not_have_differs_in_nothing_from_its_default(tmp_path, run):
    shutil.copytree(run, tmp_path / "older")
    path = tmp_path / "older" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({name: value for name, value in config.items() if name != "precision"}))
    assert compare(read_summary(run), read_summary(tmp_path / "older"))["settings"] == {}


@pytest.mark.parametrize(("reference", "name"), [("test", "fd"), ("validation", "validation_fd")])
def test_a_score_against_the_validation_part_is_called_so(tmp_path, reference, name):
    shutil.copytree(RUNS / "gan-public-script", tmp_path / "run")
    (tmp_path / "run" / "score.json").write_text(json.dumps({"fd": 1.5, "recall": 0.5, "reference": reference}))
    assert read_summary(tmp_path / "run").result[name] == 1.5


def test_the_difference_of_two_studies_is_by_run():
    first, second = (read_summary(RUNS / "ablations" / name) for name in ("recipe", "rmsprop"))
    differences = compare(first, second)
    assert differences["settings"] == {"optimizer": ("adam", "rmsprop"), "learning_rate": (0.002, 0.001)}
    assert "lstm T=100 seed 0 loss" in differences["results"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("nowhere", "no such folder"), (".", "neither a run nor a study"), ("pretrained:curse", "did you mean 'course'")],
)
def test_a_run_argument_that_is_none_is_refused_in_one_line(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PalingenError, match=message):
        resolve_run(name)


def test_the_kinds_are_the_classes_of_configs():
    assert {GanConfig.__name__, PalindromeConfig.__name__} <= set(KINDS)


def test_a_study_that_was_stopped_early_is_unfinished_though_no_other_run_has_begun(tmp_path):
    study = json.loads((RUNS / "ablations" / "rmsprop" / "study.json").read_text())
    (tmp_path / "study.json").write_text(json.dumps({**study, "planned": 30}))
    summary = read_summary(tmp_path)
    assert (summary.state, summary.done, summary.total) == ("unfinished", 3, 30)


@pytest.mark.parametrize(
    "content", [{"config": {"kind": ["x"]}, "runs": []}, {"config": "x", "runs": []}, {"config": {}, "runs": [{}]}, []]
)
def test_a_study_file_of_another_program_is_damaged_or_foreign(tmp_path, content):
    (tmp_path / "study.json").write_text(json.dumps(content))
    assert read_summary(tmp_path).state in ("damaged", "foreign")
