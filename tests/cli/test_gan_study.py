"""`palingen gan study`."""

import json
from dataclasses import fields

import pytest
from rich.console import Console

from palingen.cli.gan_study import _variants_table
from palingen.gan import study as studies
from palingen.gan.evaluation.evaluator import Score
from palingen.recipes import GAN

METRICS = {**{field.name: 0.5 for field in fields(Score)}, "n": 10_000}


@pytest.fixture
def quick_training(monkeypatch):
    """Replace training and evaluation, which take minutes, by results of the right form."""
    distances = iter(range(10, 100))

    def train_and_score(out, options, variant):
        folder = out / variant.folder
        folder.mkdir(parents=True, exist_ok=True)
        diverges = variant.config.loss == "minimax" and variant.config.seed == 1
        score = None if diverges else {**METRICS, "fd": float(next(distances))}
        result = {
            "recipe": variant.recipe,
            "overrides": dict(variant.overrides),
            "label": variant.label,
            "folder": variant.folder,
            "seed": variant.config.seed,
            "epochs": variant.config.epochs,
            "seconds": None if diverges else 1.0,
            "score": score,
        }
        result |= {"stopped": "generator_loss is no longer a finite number"} if diverges else {}
        (folder / "config.json").write_text(json.dumps({"kind": "GanConfig", **vars(variant.config)}))
        (folder / "environment.json").write_text(json.dumps({"threads": 1, "engine": options.engine}))
        (folder / "result.json").write_text(json.dumps(result))
        return result

    run_here = lambda work, runs, out, parallel: map(work, runs)  # noqa: E731 (no workers, which would not be patched)
    monkeypatch.setattr(studies, "_train_and_score", train_and_score)
    monkeypatch.setattr(studies, "map_unordered", run_here)


def test_a_study_compares_losses_over_seeds_and_records_each_runs_own_environment(palingen, tmp_path, quick_training):
    flags = ("--losses", "hinge", "minimax", "--seeds", 2, "--epochs", 1, "--out", "s", "--json")
    run = palingen("gan", "study", *flags)
    result = json.loads(run.stdout)
    assert [(one["label"], one["seed"]) for one in result["runs"]] == [
        *(("course, loss hinge", seed) for seed in (0, 1)),
        *(("course, loss minimax", seed) for seed in (0, 1)),
    ]
    assert "course, loss minimax, seed 1: generator_loss is no longer a finite number" in run.stderr
    assert all((tmp_path / file).exists() for file in result["files"])
    study = json.loads((tmp_path / "s" / "study.json").read_text())
    assert set(study) == {"planned", "runs"}  # several commands may share a study, so each run has its own config
    assert study["planned"] == len(study["runs"]) == 4
    assert all(run["environment"] == {"threads": 1, "engine": "auto"} for run in study["runs"])
    assert {run["config"]["loss"] for run in study["runs"]} == {"hinge", "minimax"}


def test_runs_that_were_finished_earlier_are_counted_from_the_start(palingen, quick_training):
    flags = ("gan", "study", "--losses", "hinge", "--epochs", 1, "--out", "s")
    assert palingen(*flags, "--seeds", 2).returncode == 0
    assert palingen(*flags, "--seeds", 3).stderr.startswith("study: 2/3 runs, 0 s so far  ")
    assert palingen(*flags, "--seeds", 3, "--force").stderr.startswith("study: 1/3 runs, ")


def test_the_table_of_a_study_gives_the_spread_over_seeds(palingen, quick_training):
    table = palingen("gan", "study", "--losses", "hinge", "minimax", "--seeds", 2, "--epochs", 1, "--out", "s").stdout
    assert "hinge" in table
    assert "2 of 2" in table
    assert "1 of 2" in table


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--seeds", 0), "seeds=0: must be at least 1"),
        (("--seed", 1), "seed=1: is set by the study; use --seeds"),
        (("--losses", "hinge", "--loss", "wasserstein"), "loss='wasserstein': is incompatible with --losses"),
        (("--recipe", "stacked"), "data='stacked': is not supported by a study"),
        (("--losses", "hingge"), "hingge"),
    ],
)
def test_an_invalid_value_is_named_in_one_line(palingen, error_line, arguments, message):
    assert message in error_line(palingen("gan", "study", *arguments))


def test_a_study_of_a_recipe_keeps_the_recipes_own_loss(palingen, quick_training):
    result = json.loads(palingen("gan", "study", "--recipe", "demo", "--seeds", 1, "--out", "s", "--json").stdout)
    assert [run["label"] for run in result["runs"]] == ["demo"]
    assert result["runs"][0]["epochs"] == GAN["demo"].epochs


def test_the_table_of_results_is_there_from_the_start_of_a_study(capsys):
    Console().print(_variants_table([]))
    assert "variant" in capsys.readouterr().out
