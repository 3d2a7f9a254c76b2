"""Export of a studied network."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from user_parts import write_code

from palingen.recurrence.config import PalindromeConfig, build_data, build_network, build_test_data
from palingen.recurrence.export import LENGTHS, accuracy_at, export_network, measured_palindromes
from palingen.recurrence.pretrained import load_network
from palingen.recurrence.study import TrainOptions, enumerate_runs, run_study
from palingen.runtime.errors import RunError
from palingen.runtime.parallel import ParallelConfig
from palingen.runtime.safetensors_io import load_weights

BASE = PalindromeConfig(cell="gru", num_samples=200, hidden_size=8, batch_size=32, epochs=4)


@pytest.fixture
def study(tmp_path):
    """Study of a GRU at T = 6 with two seeds."""
    folder = tmp_path / "study"
    list(run_study(enumerate_runs(BASE, ["gru"], [6], 2), folder, ParallelConfig(jobs=1), TrainOptions()))
    return folder


def test_an_export_has_three_stages_and_the_scores_of_every_seed(study, tmp_path):
    files = export_network(study, "gru", 6, tmp_path / "out", "palingen palindrome export study")
    assert [path.name for path in files] == ["start.safetensors", "middle.safetensors", "end.safetensors", "score.json"]
    final = load_weights(study / "gru-T6-seed0" / "weights.safetensors")
    start, middle, end = (load_network(path) for path in files[:3])
    assert start[0] == middle[0] == end[0] == load_network(study / "gru-T6-seed0")[0]
    untrained = build_network(start[0]).state_dict()
    for name, weight in final.items():
        assert torch.equal(end[1].state_dict()[name], weight.half().float())
        assert torch.equal(start[1].state_dict()[name], untrained[name].half().float())
        assert not torch.equal(middle[1].state_dict()[name], start[1].state_dict()[name])
    score = json.loads(files[3].read_text())
    assert [seed["seed"] for seed in score["seeds"]] == [0, 1]
    assert score["lengths"] == list(LENGTHS)
    assert score["epochs"]["middle"] == 2
    assert score["commands"] == ["palingen palindrome export study"]  # the study was no command
    again = load_network(study / "gru-T6-seed1")
    assert score["seeds"][1]["by_length"][0] == pytest.approx(accuracy_at(again[1], again[0], LENGTHS[0]), abs=1e-4)


def test_only_runs_with_the_settings_of_the_first_seed_enter_and_there_must_be_one(study, tmp_path):
    (other,) = enumerate_runs(replace(BASE, hidden_size=4), ["gru"], [6], 1)
    options = TrainOptions(force=True)
    list(run_study([other], study, ParallelConfig(jobs=1), options))
    files = export_network(study, "gru", 6, tmp_path / "out", "command")
    assert [seed["seed"] for seed in json.loads(files[3].read_text())["seeds"]] == [0]
    shutil.rmtree(study / "gru-T6-seed0")
    with pytest.raises(RunError, match="at length=6 with seed 0"):
        export_network(study, "gru", 6, tmp_path / "out", "command")


def test_a_network_is_measured_on_palindromes_that_its_training_has_not_had():
    config = PalindromeConfig(length=5, num_samples=8000)
    training = {tuple(digits) for digits in build_data(config).train.digits.tolist()}
    measured = {tuple(digits) for digits in measured_palindromes(config, 5).digits.tolist()}
    assert len(measured) == 200
    assert measured.isdisjoint(training)


def test_a_network_of_online_data_is_measured_on_palindromes_that_its_training_never_has():
    config = PalindromeConfig(length=10, num_samples=2000, epochs=100, online_data=True)
    test = {tuple(digits) for digits in build_test_data(config).digits.tolist()}
    measured = {tuple(digits) for digits in measured_palindromes(config, 10).digits.tolist()}
    assert len(measured) > 350
    assert measured <= test
    longer = measured_palindromes(config, 20).digits
    assert len(longer) == 1000
    assert torch.equal(longer, measured_palindromes(replace(config, length=20), 20).digits)  # hardly any was trained on


def test_a_study_without_the_network_is_named(study, tmp_path):
    with pytest.raises(RunError, match="has no finished run of cell='lstm' at length=6"):
        export_network(study, "lstm", 6, tmp_path / "out", "command")


def test_a_cell_that_is_named_by_its_hash_alone_is_not_executed(tmp_path):
    path = write_code(tmp_path)
    config = PalindromeConfig(cell=f"{path}:Mine", num_samples=200, hidden_size=8, batch_size=32, epochs=2, length=6)
    runs = enumerate_runs(config, [config.cell], [6], 1)
    list(run_study(runs, tmp_path / "study", ParallelConfig(jobs=1), TrainOptions()))
    path.unlink()
    with pytest.raises(RunError, match="code"):
        export_network(tmp_path / "study", str(config.cell), 6, tmp_path / "out", "command")
    assert not (tmp_path / "out").exists()
