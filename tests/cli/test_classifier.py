"""`palingen classifier train`."""

import json

import numpy as np
import pytest
from tracker_logs import read_tensorboard


def test_the_classifier_is_trained_from_the_command_line(palingen, tmp_path, few_digits):
    command = ("classifier", "train", "--data", few_digits, "--epochs", 1, "--track", "tensorboard", "--json")
    result = json.loads(palingen(*command).stdout)
    log = read_tensorboard(tmp_path / result["folder"])
    assert log.final["result/accuracy"] == pytest.approx(result["accuracy"])
    assert [step for step, _ in log.numbers["step/loss"]] == [2]
    assert {"accuracy", "epochs", "seconds", "seed", "folder"} <= set(result)
    assert result["folder"].startswith("runs/classifier/first-")
    assert all((tmp_path / file).exists() for file in result["files"])
    assert json.loads(palingen(*command).stdout) == result
    assert "% of the test images" in palingen(*command[:-1]).stdout


def test_the_second_classifier_is_a_recipe(palingen, tmp_path, few_digits):
    command = ("classifier", "train", "--recipe", "second", "--data", few_digits, "--epochs", 1, "--json")
    result = json.loads(palingen(*command).stdout)
    assert result["folder"].startswith("runs/classifier/second-")
    config = json.loads((tmp_path / result["folder"] / "config.json").read_text())
    assert (config["architecture"], config["half_precision"]) == ("residual", True)


@pytest.mark.parametrize(("flags", "named"), [((), "here.npz"), (("--force",), "there.npz")])
def test_only_force_trains_the_classifier_of_a_moved_data_set_again_and_names_the_new_path(
    palingen, tmp_path, monkeypatch, flags, named
):
    monkeypatch.setenv("PALINGEN_CACHE", str(tmp_path / "cache"))
    np.savez(tmp_path / "here.npz", images=np.zeros((20, 28, 28), np.uint8), labels=np.arange(20) % 2)
    train = ("classifier", "train", "--epochs", 1, "--json", "--data")
    folder = json.loads(palingen(*train, "here.npz").stdout)["folder"]
    (tmp_path / "here.npz").rename(tmp_path / "there.npz")
    assert json.loads(palingen(*train, "there.npz", *flags).stdout)["folder"] == folder
    assert json.loads((tmp_path / folder / "config.json").read_text())["data"] == named


def test_an_invalid_setting_is_named_in_one_line(palingen, error_line):
    assert "shift=9: must be at most 4 (digits have a margin" in error_line(
        palingen("classifier", "train", "--shift", 9)
    )
