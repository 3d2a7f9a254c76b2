"""Data of the memory page."""

import json
import shutil

import pytest

from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.pretrained import PRETRAINED_NETWORKS, load_network
from palingen.recurrence.train import train_palindrome
from palingen.runtime.errors import DataError, PalingenError
from palingen.web.encode import encode_float32
from palingen.web.memory import data


@pytest.fixture
def run(tmp_path):
    """A finished run."""
    train_palindrome(PalindromeConfig(cell="peephole", num_samples=200, hidden_size=8, epochs=1), tmp_path / "mine")
    return tmp_path / "mine"


def test_a_shipped_network_has_three_stages_and_its_scores():
    network = data.page_network("pretrained:lstm-memory")
    assert [name for name, _ in network.stages] == ["before training", "after 1 epoch", "after 2 epochs"]
    assert network.score == json.loads((PRETRAINED_NETWORKS / "lstm-memory" / "score.json").read_text())
    assert data.shipped_runs()[0] == "pretrained:lstm-memory"


def test_a_run_has_two_stages_and_its_result(run):
    (entry,) = data.memory_data([data.page_network(run)])
    assert entry["name"] == "mine"
    assert [stage["name"] for stage in entry["stages"]] == ["before training", "after training"]
    assert entry["config"]["kind"] == "PalindromeConfig"
    assert 0 <= entry["score"]["seeds"][0]["accuracy"] <= 1
    assert entry["score"]["commands"] == []  # it was no command
    assert None not in entry["score"]["environment"].values()
    weight = load_network(run)[1].state_dict()["head.weight"]
    assert entry["stages"][1]["network"]["parameters"]["head.weight"] == {"float32": encode_float32(weight)}


def test_networks_of_equal_or_unusual_names_are_told_apart_by_names_that_a_link_can_hold(run, tmp_path):
    others = [tmp_path / "again" / "mine", tmp_path / "größe 1"]
    for other in others:
        shutil.copytree(run, other)
    entries = data.memory_data([data.page_network(path) for path in (run, *others, "pretrained:rnn")])
    assert [entry["name"] for entry in entries] == ["mine", "mine-2", "gr-e-1", "rnn"]
    assert [entry["origin"] for entry in entries] == ["run", "run", "run", "shipped"]


def test_shipped_weights_are_half_precision_on_the_page_too():
    (entry,) = data.memory_data([data.page_network("pretrained:rnn-memory")])
    parameters = entry["stages"][2]["network"]["parameters"]
    assert {kind for weight in parameters.values() for kind in weight} == {"float16"}


def test_unknown_networks_and_damaged_scores_are_named(tmp_path, monkeypatch):
    with pytest.raises(PalingenError, match="did you mean"):
        data.page_network("pretrained:lstm-memorie")
    (tmp_path / "lstm-memory").mkdir()
    (tmp_path / "lstm-memory" / "score.json").write_text("{}")
    monkeypatch.setattr(data, "PRETRAINED_NETWORKS", tmp_path)
    with pytest.raises(DataError, match=r"score\.json: damaged"):
        data.page_network("pretrained:lstm-memory")
