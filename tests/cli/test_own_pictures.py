"""A folder of pictures, from training to the page."""

import json
import shutil

import numpy as np
import pytest


@pytest.fixture
def run(shapes_run, monkeypatch):
    """Run folder of a generator of shapes; its classifier is in the cache."""
    monkeypatch.setenv("PALINGEN_CACHE", str(shapes_run[1]))
    return shapes_run[0]


@pytest.fixture
def orphan(run, tmp_path):
    """Copy of the run, whose pictures are gone."""
    shutil.copytree(run, tmp_path / "orphan")
    path = tmp_path / "orphan" / "data.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "name": "gone"}))
    return tmp_path / "orphan"


def test_the_classes_travel_with_the_run_and_the_monitor_uses_the_classifier(run, shapes):
    info = json.loads((run / "data.json").read_text())
    assert (info["name"], info["class_names"]) == (str(shapes), ["ring", "slash", "square"])
    kinds = [json.loads(line)["kind"] for line in (run / "records.jsonl").read_text().splitlines()]
    assert kinds.count("monitor") == 4  # epochs 1, 2, 5 and the last


def test_images_are_sampled_by_the_names_of_their_classes_without_the_pictures(palingen, error_line, orphan, tmp_path):
    for classes in (("slash",), ("1",)):
        sampled = palingen("gan", "sample", orphan, "--count", 6, "--classes", *classes, "--out", "-".join(classes))
        assert sampled.returncode == 0
    by_name, by_number = (np.load(tmp_path / name / "samples.npy") for name in ("slash", "1"))
    assert np.array_equal(by_name, by_number)
    unknown = error_line(palingen("gan", "sample", orphan, "--classes", "disc"))
    assert "classes=('disc',): must be names of classes (ring, slash, square), or numbers from 0 to 2" in unknown


def test_interpolation_names_the_classes_without_the_pictures(palingen, orphan, tmp_path):
    result = json.loads(palingen("gan", "interpolate", orphan, "--json").stdout)
    assert {*result["linear_classes"]} <= {"ring", "slash", "square"}
    assert result["classes"][0] != result["classes"][1]
    predictions = json.loads((tmp_path / result["folder"] / "predictions.json").read_text())
    assert predictions["linear"]["classes"] == result["linear_classes"]


def test_a_score_compares_with_the_pictures_and_keeps_the_controls(palingen, run, shapes_run):
    scored = palingen("gan", "score", run, "--json", "--out", "score")
    result = json.loads(scored.stdout)
    assert set(result["rows"]) == {"run", "floor", "blur", "noise", "no slash", "100 repeated", "1000 repeated"}
    assert result["fd"] > result["fd_floor"] > 0
    assert result["fd_second"] is None
    assert 0 <= result["class_accuracy"] <= 1
    assert "score: only 60 images to compare with" in scored.stderr
    assert len(list(shapes_run[1].rglob("baselines-test.json"))) == 1
    again = palingen("gan", "score", run, "--out", "score")
    assert "controls" not in again.stderr
    assert "no\nslash" in again.stdout or "slash" in again.stdout


def test_without_the_pictures_or_the_classifier_one_line_says_what_is_missing(
    palingen, error_line, orphan, run, tmp_path, monkeypatch
):
    assert "gone: missing; a data set is mnist" in error_line(palingen("gan", "score", orphan))
    assert "gone: missing; a data set is mnist" in error_line(palingen("explore", orphan, "--no-open"))
    monkeypatch.setenv("PALINGEN_CACHE", str(tmp_path / "empty"))
    for command in (("gan", "score", run), ("gan", "interpolate", run), ("explore", run, "--no-open")):
        assert "has no classifier yet; train one with `palingen classifier train --data" in error_line(
            palingen(*command)
        )


def test_generators_of_two_data_sets_are_refused_on_one_page(palingen, error_line, run):
    line = error_line(palingen("explore", "pretrained:course", run, "--no-open"))
    assert "one page shows generators of one data set" in line


def test_the_classifier_of_a_data_set_is_trained_once(palingen, run, shapes, shapes_run, tmp_path):
    command = ("classifier", "train", "--data", shapes, "--epochs", 8, "--json")
    result = json.loads(palingen(*command).stdout)
    assert result["folder"].startswith(str(shapes_run[1] / "classifiers" / "shapes-"))
    shutil.copytree(shapes, tmp_path / "moved")
    again = json.loads(palingen("classifier", "train", "--data", "moved", "--epochs", 8, "--json").stdout)
    assert again == result


def test_pictures_without_classes_train_an_unconditional_generator_only(palingen, error_line, shapes, tmp_path):
    flat = shapes / "slash"
    small = ("--data", flat, "--epochs", 1, "--latent-dim", 8, "--batch-size", 50)
    refused = error_line_of(error_line, palingen("gan", "train", *small, "--conditional"))
    assert "--conditional: needs classes, but the images of" in refused
    trained = palingen("gan", "train", *small, "--out", "run")
    assert trained.returncode == 0
    assert "is not monitored, since" in trained.stderr
    assert "has no classes, so no classifier can be trained for it" in trained.stderr
    assert "has no classes for a classifier to learn" in error_line_of(
        error_line, palingen("classifier", "train", "--data", flat)
    )


def error_line_of(error_line, run):
    """Last line of an error, after what was said of the pictures."""
    run.stderr = run.stderr.splitlines(keepends=True)[-1]
    return error_line(run)
