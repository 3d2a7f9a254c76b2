import json

import pytest
import torch

from palingen import recipes
from palingen.adversarial import study as studies
from palingen.adversarial.experiment import GanRun
from palingen.adversarial.study import plan, study
from palingen.errors import ConfigError
from palingen.report.comparison import by_arm, comparison, table
from palingen.workers import Workers

CPU = torch.device("cpu")
OWN = recipes.GAN["course"]


def result(label, seed, fd):
    score = {"fd": fd, "recall": 0.5, "coverage": 0.4, "class_tv": 0.1, "confidence": 0.9} if fd else None
    return {"label": label, "epochs": 1, "seed": seed, "seconds": 60.0, "score": score}


def test_a_plan_is_every_loss_with_every_seed_and_says_what_differs_from_the_recipe():
    arms = plan("course", OWN, GanRun(epochs=3, engine="by-hand", beta1=0.5), ["hinge", "minimax", "hinge"], 2)
    assert [(arm.config.loss, arm.config.seed) for arm in arms] == [
        (loss, seed) for loss in ("hinge", "minimax") for seed in (0, 1)
    ]
    assert arms[0].changes == {"loss": "hinge", "beta1": 0.5}  # neither length nor speed
    assert arms[0].folder == "course-loss-hinge-beta1-0.5-seed0"
    assert len({arm.folder for arm in arms}) == len(arms)
    (alone,) = plan("course", OWN, GanRun(), [], 1)
    assert alone.label == "course"


def test_stacked_digits_are_refused():
    with pytest.raises(ConfigError, match="stacked"):
        plan("stacked", recipes.GAN["stacked"], recipes.GAN["stacked"], [], 1)


def test_every_arm_is_trained_and_scored_once_and_one_that_diverges_is_a_result(
    tmp_path, few_digits, real, monkeypatch
):
    monkeypatch.setattr(studies, "yardstick", lambda: real)
    small = GanRun(data=str(few_digits), epochs=1, watch_samples=0)
    arms = [
        *plan("course", OWN, small, [], 1),
        *plan("course", OWN, GanRun(**{**vars(small), "learning_rate": 1e30}), [], 1),
    ]
    first = list(study(arms, tmp_path, CPU, Workers(jobs=1)))
    fine, wild = first
    assert fine["score"]["n"] == 10_000
    assert fine["score"]["fd"] > 500  # one epoch over 200 images teaches little
    assert wild["score"] is None
    assert "no longer a finite number" in wild["stopped"]
    monkeypatch.setattr(studies, "train", lambda *_, **__: pytest.fail("trained again"))
    assert list(study(arms, tmp_path, CPU, Workers(jobs=1))) == first
    kept = studies.finished(tmp_path)
    assert [one["label"] for one in kept] == sorted(one["label"] for one in first)
    configs = {one["folder"]: GanRun(**one["config"]) for one in kept}
    assert configs == {arm.folder: arm.config for arm in arms}  # all that is needed to run them again
    assert json.loads((tmp_path / arms[0].folder / "config.json").read_text())["seed"] == 0


def test_arms_stand_in_the_order_of_their_distances_and_what_never_ended_comes_last():
    results = [result("b", 0, 30.0), result("wild", 0, None), result("a", 0, 10.0), result("b", 1, 20.0)]
    assert [label for label, _ in by_arm(results)] == ["a", "b", "wild"]
    rows = table(results).splitlines()[2:]
    assert "25.0 (20.0 to 30.0)" in rows[1]
    assert "0 of 1" in rows[2]


def test_the_picture_has_a_row_for_each_arm_that_ended():
    figure = comparison([result("b", 0, 30.0), result("wild", 0, None), result("a", 0, 10.0)])
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["a, 1 epochs", "b, 1 epochs"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--seeds", 0), "seeds: 0 is not at least 1"),
        (("--seed", 3), "it takes --seeds"),
        (("--loss", "hinge", "--losses", "minimax"), "beside --losses"),
        (("--losses", "hing"), "hing"),
        (("--recipe", "stacked"), "stacked"),
    ],
)
def test_a_wrong_value_is_named_in_one_line(palingen, flags, words):
    run = palingen("gan", "study", *flags)
    assert run.returncode == 2
    assert words in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1
