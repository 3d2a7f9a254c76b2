"""`palingen gan score` and `gan baselines`, and their table."""

import json
from dataclasses import fields, replace

import pytest

from palingen.cli import score, score_table
from palingen.gan.config import GanConfig, build_networks
from palingen.gan.evaluation import stacked_mnist
from palingen.gan.evaluation.evaluator import Score
from palingen.runtime.atomic_io import write_json
from palingen.runtime.safetensors_io import save_weights

KEYS = {
    *("fd", "fd_floor", "kid", "precision", "recall", "density", "coverage", "inception_score", "class_tv"),
    *("mean_confidence", "class_accuracy", "nearest_train_ratio", "n", "repeats", "max_latent_norm", "std"),
}


@pytest.fixture
def shared_evaluator(monkeypatch, evaluator):
    """Use the evaluator of the test session, which has seen the real images."""
    monkeypatch.setattr(score, "mnist_evaluator", lambda: evaluator)
    return evaluator


def test_a_shipped_generator_is_scored_with_real_and_corrupted_images_as_controls(palingen, tmp_path, shared_evaluator):
    run = palingen("gan", "score", "pretrained:course", "--count", 5000, "--out", "score", "--json")
    result = json.loads(run.stdout)
    assert set(result) >= KEYS
    assert result["n"] == 5000
    assert result["class_accuracy"] is None  # unconditional
    assert result["fd"] > result["fd_floor"] > 0
    assert set(result["rows"]) == {"course", "floor", "blur", "noise", "no 1s", "100 repeated", "1000 repeated"}
    assert json.loads((tmp_path / "score" / "score.json").read_text())["fd"] == result["fd"]


def test_baselines_score_the_controls_alone(palingen, tmp_path, shared_evaluator):
    result = json.loads(palingen("gan", "baselines", "--count", 5000, "--json").stdout)
    assert result["folder"] == "runs/baselines/5000-images"
    rows = json.loads((tmp_path / "runs/baselines/5000-images/baselines.json").read_text())
    assert rows == result["rows"]
    assert rows["blur"]["fd"] > rows["floor"]["fd"]
    table = palingen("gan", "baselines", "--count", 5000).stdout
    assert "FD: Frechet distance" in table


@pytest.mark.parametrize("name", ["course", "residual-unconditional"])
def test_the_table_of_scores_fits_80_columns(capsys, evaluator, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "80")
    controls = evaluator.controls(5000)
    own = replace(controls["blur"], class_accuracy=0.5)
    std = {metric: value / 10 for metric, value in vars(own).items()}
    score_table.print_scores({name: own, **controls}, "5000 images of each kind", std)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)
    assert any("0.500" in line and "0.050" in line for line in lines)  # class accuracy and its deviation
    assert sum("FD to" in line for line in lines) == 2


def test_every_metric_of_a_score_has_a_row():
    assert list(score_table.METRICS) == [field.name for field in fields(Score)]


def test_a_generator_of_three_digits_is_scored_by_its_modes(palingen, error_line, tmp_path, monkeypatch):
    config = GanConfig(data="stacked", monitor_samples=None)
    write_json(tmp_path / "run" / "config.json", {"kind": "GanConfig", **vars(config)})
    save_weights(tmp_path / "run" / "end.safetensors", build_networks(config).generator.state_dict(), config)
    too_few = error_line(palingen("gan", "score", "run", "--count", 10_000))
    assert "count=10000: must be at least 20000" in too_few
    monkeypatch.setattr(stacked_mnist, "MIN_SAMPLES", 2000)  # quick to classify
    result = json.loads(palingen("gan", "score", "run", "--count", 2000, "--json").stdout)
    assert result["n"] == 2000
    assert 1 <= result["modes"] < 1000
    assert result["reverse_kl"] > result["reverse_kl_floor"] > 0.1  # few images leave modes out by chance
    assert result["modes"] < result["modes_floor"]
    repeated = error_line(palingen("gan", "score", "run", "--count", 2000, "--repeats", 2))
    assert "repeats=2: must be 1" in repeated


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("score", "nowhere"), "nowhere: not a run folder"),
        (("score", "pretrained:course", "--count", 4999), "count=4999: must be at least 5000"),
        (("score", "pretrained:course", "--repeats", 0), "repeats=0: must be at least 1"),
        (("score", "pretrained:course", "--seed", -1), "seed=-1: must be at least 0"),
        (("baselines", "--count", 10), "count=10: must be at least 5000"),
    ],
)
def test_an_invalid_value_is_named_in_one_line(palingen, error_line, arguments, message):
    assert message in error_line(palingen("gan", *arguments))
