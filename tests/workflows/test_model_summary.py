import json

import pytest
import torch
from support import ROOT
from torch import nn

from palingen.workflows.model_summary import list_stages, summarize_models, write_summary


@pytest.fixture(scope="module")
def summary():
    return summarize_models()


def test_the_committed_summary_is_that_of_the_networks(summary, tmp_path):
    write_summary(tmp_path / "summary.json")
    assert (tmp_path / "summary.json").read_text() == (ROOT / "report/runs/model_summary.json").read_text()
    assert json.loads((tmp_path / "summary.json").read_text()) == summary


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_the_parameters_of_the_stages_add_up_to_those_of_the_network(summary, network):
    for recipe in summary["gan"].values():
        assert sum(stage["weights"] for stage in recipe[network]) == recipe[f"{network}_weights"]


def test_an_lstm_has_the_parameters_of_four_gates_and_the_head(summary):
    hidden, inputs, classes = 128, 1, 10
    expected = 4 * (hidden * inputs + hidden**2 + hidden) + classes * hidden + classes
    assert summary["palindromes"]["course"]["lstm"] == expected


def test_the_stages_have_the_shapes_of_their_outputs():
    network = nn.Sequential(nn.Linear(2, 12), nn.Unflatten(1, (3, 2, 2)), nn.Tanh())
    assert list_stages(network, torch.zeros(1, 2)) == [
        {"name": "Linear", "shape": [12], "weights": 36},
        {"name": "Unflatten", "shape": [3, 2, 2], "weights": 0},
        {"name": "Tanh", "shape": [3, 2, 2], "weights": 0},
    ]
