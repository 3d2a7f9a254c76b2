"""`palingen gan score` and `gan baselines`, and their table."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from PIL import Image
from tracker_logs import read_tensorboard

from palingen.cli import evaluators, score, score_table
from palingen.gan.config import GanConfig, build_networks
from palingen.gan.data.mnist import load_images
from palingen.gan.evaluation import stacked_mnist
from palingen.gan.evaluation.score import Score, ScoreSummary
from palingen.runtime.atomic_io import write_json
from palingen.runtime.safetensors_io import save_weights

KEYS = {
    *("fd", "fd_floor", "kid", "precision", "recall", "density", "coverage", "inception_score", "class_tv"),
    *("fd_floor_std", "fd_ratio", "fd_second", "fd_second_floor", "fd_second_floor_std", "low_confidence_fraction"),
    *(
        "low_confidence_reference",
        "reference",
        "mean_confidence",
        "class_accuracy",
        "nearest_train_ratio",
        "n",
        "repeats",
        "max_latent_norm",
        "std",
    ),
}


@pytest.fixture
def shared_evaluator(monkeypatch, evaluator):
    """Use the evaluator of the test session, which has seen the real images."""
    monkeypatch.setattr(evaluators, "mnist_evaluator", lambda reference: evaluator)
    return evaluator


@pytest.mark.torture
def test_a_shipped_generator_is_scored_with_real_and_corrupted_images_as_controls(palingen, tmp_path, shared_evaluator):
    run = palingen("gan", "score", "pretrained:course", "--count", 6000, "--out", "score", "--json")
    result = json.loads(run.stdout)
    assert set(result) >= KEYS
    assert result["n"] == 6000
    assert result["class_accuracy"] is None  # unconditional
    assert result["fd"] / result["fd_floor"] == pytest.approx(result["fd_ratio"])
    assert result["fd_second"] > result["fd_second_floor"] > 0
    assert result["low_confidence_fraction"] > 2 * result["low_confidence_reference"]
    assert set(result["rows"]) == {"course", "floor", "blur", "noise", "no 1s", "100 repeated", "1000 repeated"}
    assert result["rows"]["floor"]["std"]["fd"] == result["fd_floor_std"] > 0
    assert json.loads((tmp_path / "score" / "score.json").read_text())["fd"] == result["fd"]
    with Image.open(tmp_path / "score" / "worst.png") as sheet:
        assert sheet.size == (894, 894)  # ten by ten images of 28 pixels with gaps of two, three times as large


@pytest.fixture
def few_controls(monkeypatch):
    """A floor instead of all controls, which take many seconds."""
    floor = ScoreSummary(mean=Score(**{field.name: 1.0 for field in fields(Score)} | {"n": 5000}), std={})
    monkeypatch.setattr(score.shipped, "baselines", lambda *_: {"floor": floor})


@pytest.mark.usefixtures("shared_evaluator", "few_controls")
def test_the_log_of_a_tracked_run_gets_its_scores(palingen, tmp_path, few_digits):
    train = ("gan", "train", "--data", few_digits, "--epochs", 1, "--no-monitor-samples", "--out", "run")
    assert palingen(*train, "--track", "tensorboard").returncode == 0
    result = json.loads(palingen("gan", "score", "run", "--count", 5000, "--json").stdout)
    final = read_tensorboard(tmp_path / "run").final
    assert final["score/fd"] == pytest.approx(result["fd"], rel=1e-6)
    assert final["result/steps"] == 4
    assert not [name for name in final if "rows" in name or "std" in name]


@pytest.mark.usefixtures("few_controls")
@pytest.mark.parametrize("form", ["npy", "pictures"])
def test_images_of_any_origin_are_scored(palingen, tmp_path, shared_evaluator, form):
    pixels = load_images("train").pixels[:6000].numpy()
    source = tmp_path / "others.npy"
    if form == "npy":
        np.save(source, pixels.astype(np.float32)[:, None] / 255)
    else:
        source = tmp_path / "others"
        source.mkdir()
        for index, image in enumerate(pixels):
            Image.fromarray(image).save(source / f"{index:05d}.bmp")
    result = json.loads(palingen("gan", "score", source, "--json").stdout)
    assert result["folder"] == "runs/score/others"
    assert (result["n"], result["nearest_train_ratio"], result["seed"]) == (6000, 0, None)
    assert list(result["rows"])[:2] == ["others", "floor"]
    assert result["fd"] == pytest.approx(shared_evaluator.score(shared_evaluator.predict(torch.from_numpy(pixels))).fd)


def test_baselines_score_the_controls_alone(palingen, tmp_path, shared_evaluator):
    result = json.loads(palingen("gan", "baselines", "--count", 6000, "--json").stdout)
    assert result["folder"] == "runs/baselines/test-6000-images"
    record = json.loads((tmp_path / "runs/baselines/test-6000-images/baselines-test.json").read_text())
    assert record["rows"] == result["rows"]
    assert (record["count"], record["subsets"], record["reference"]) == (6000, 2, "test")
    assert record["rows"]["blur"]["fd"] > record["rows"]["floor"]["fd"]
    table = palingen("gan", "baselines", "--count", 6000).stdout
    assert "FD: Frechet distance" in table


@pytest.mark.parametrize("name", ["course", "residual-unconditional"])
def test_the_table_of_scores_fits_80_columns(capsys, evaluator, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "80")
    controls = evaluator.controls(6000)
    own = replace(controls["blur"].mean, class_accuracy=0.5)
    std = {metric: value / 10 for metric, value in vars(own).items()}
    scores = {name: ScoreSummary(mean=own, std=std), **controls}
    score_table.print_scores(scores, "6000 images of each kind", 0.016)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)
    assert any("0.500" in line and "0.050" in line for line in lines)  # class accuracy and its deviation
    assert sum(line.count("±") for line in lines) == 2
    assert sum("FD" in line for line in lines) == 4


def test_scores_of_one_run_with_other_settings_have_folders_of_their_own():
    default = {"seed": 0, "count": None, "repeats": 1, "norm": "own", "data": None}
    others = [
        {},
        *({"seed": 1}, {"count": 5000}, {"count": 6000}, {"repeats": 2}, {"repeats": 3}),
        *({"norm": 0.9}, {"norm": 1.0}, {"norm": None}, {"data": "fashion-mnist"}, {"data": "my/letters.npz"}),
    ]
    names = [score._score_name("run", **{**default, **changes}) for changes in others]
    assert names[0] == "run-seed0"
    assert len({*names}) == len(others)


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
        (
            ("score", "pretrained:course", "--reference", "validation", "--count", 30_001),
            "count=30001: must be at most 30000",
        ),
        (("score", "missing.npy"), "missing.npy: missing"),
        (("score", "file.txt"), "file.txt: must be a run folder, pretrained:NAME, an .npy or .npz file"),
        (("score", "few.npy"), "count=10: must be at least 5000"),
        (("score", "few.npy", "--repeats", 2), "source='few.npy': is scored once, as it is"),
        (("score", "damaged.npz"), "damaged.npz: damaged"),
    ],
)
def test_an_invalid_value_is_named_in_one_line(palingen, error_line, tmp_path, arguments, message):
    np.save(tmp_path / "few.npy", np.zeros((10, 28, 28)))
    for name in ("file.txt", "damaged.npz"):
        (tmp_path / name).write_text("no images")
    assert message in error_line(palingen("gan", *arguments))
