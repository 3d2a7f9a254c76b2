"""Trained networks from run folders, files and the package."""

import json
from pathlib import Path

import pytest
import torch

import palingen
from palingen.recurrence.config import PalindromeConfig, build_data, build_network
from palingen.recurrence.export import SCORE_FILE, accuracy_at
from palingen.recurrence.palindromes import encode
from palingen.recurrence.pretrained import PRETRAINED_NETWORKS, load_network, shipped_networks
from palingen.recurrence.train import train_palindrome
from palingen.runtime.errors import PalingenError, RunError
from palingen.runtime.safetensors_header import load_metadata
from palingen.runtime.safetensors_io import load_weights, save_weights

MAX_BYTES = 150_000

FILES = sorted(PRETRAINED_NETWORKS.glob("*/*.safetensors"))


def test_a_loaded_network_has_the_accuracy_of_the_result(tmp_path):
    config = PalindromeConfig(num_samples=200, hidden_size=16, epochs=5)
    result = train_palindrome(config, tmp_path)
    loaded_config, model = load_network(tmp_path)
    test = build_data(loaded_config).test
    with torch.no_grad():
        correct = model(encode(test.inputs, config.input_encoding)).argmax(1) == test.target
    assert correct.float().mean().item() == pytest.approx(result["accuracy"])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("run")
    train_palindrome(PalindromeConfig(num_samples=200, hidden_size=8, epochs=1), folder)
    return folder


def test_the_start_of_a_run_is_its_untrained_network(run):
    config, model = load_network(run, "start")
    for name, weight in build_network(config).state_dict().items():
        assert torch.equal(model.state_dict()[name], weight)
    with pytest.raises(PalingenError, match=r"stage='middle': .* keeps only the final weights"):
        load_network(run, "middle")


def test_a_weights_file_is_loaded_with_its_config(run):
    config, model = load_network(run / "weights.safetensors")
    assert (config, model.state_dict().keys()) == (
        load_network(run)[0],
        load_weights(run / "weights.safetensors").keys(),
    )


def test_weights_of_another_network_are_named(tmp_path, run):
    path = tmp_path / "other.safetensors"
    save_weights(path, load_weights(run / "weights.safetensors"), PalindromeConfig(hidden_size=9))
    with pytest.raises(RunError, match=r"other\.safetensors: not the weights of this network"):
        load_network(path)


@pytest.mark.parametrize("name", shipped_networks())
def test_a_shipped_network_has_the_accuracy_that_is_written_beside_it(name):
    config, model = palingen.load_network(f"pretrained:{name}")
    assert palingen.load_network(name)[0] == config
    score = json.loads((PRETRAINED_NETWORKS / name / SCORE_FILE).read_text())
    assert (score["cell"], score["length"]) == (config.cell, config.length)
    index = score["lengths"].index(config.length)
    measured = score["seeds"][0]["by_length"][index]
    assert accuracy_at(model, config, config.length) == pytest.approx(measured, abs=0.01)  # half precision
    assert accuracy_at(load_network(name, "start")[1], config, config.length) < 0.3


def test_the_three_networks_of_the_memory_recipe_remember_200_digits():
    for cell in ("rnn", "gru", "lstm"):
        score = json.loads((PRETRAINED_NETWORKS / f"{cell}-memory" / SCORE_FILE).read_text())
        assert len(score["seeds"]) == 5
        assert min(seed["accuracy"] for seed in score["seeds"]) > 0.95


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_shipped_files_are_small_half_precision_and_name_their_config(path):
    assert path.stat().st_size <= MAX_BYTES
    assert {weight.dtype for weight in load_weights(path).values()} == {torch.float16}
    assert load_metadata(path)["cell"] in path.parent.name


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ("pretrained:lstm-memori", "did you mean 'lstm-memory'"),
        ("nowhere", "'nowhere' is neither a run folder nor a shipped network"),
        (Path("nowhere"), "nowhere: not a run folder"),
        (Path("nowhere.safetensors"), "nowhere.safetensors: missing; if the run is unfinished"),
    ],
)
def test_an_unknown_network_is_named_in_one_line(run, message):
    with pytest.raises(PalingenError, match=message):
        load_network(run)
