"""Checks of the course's requirements: what is true passes, and each violation is found."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from palingen.gan.config import GanConfig
from palingen.gan.sampling.interpolation import Interpolation
from palingen.recurrence.config import PalindromeConfig, build_data
from palingen.recurrence.palindromes import Palindromes, Split
from palingen.workflows import notebook_display as notebook
from palingen.workflows.notebook_display import checks
from palingen.workflows.notebook_display.checks import CheckError


def facts(markdown):
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in str(markdown).splitlines()[2:]]
    return dict(rows)


def palindromes(*digits):
    return Palindromes(torch.tensor(digits, dtype=torch.uint8))


def test_the_split_of_the_course_has_800_and_200_palindromes_and_none_in_both():
    table = facts(notebook.check_split(build_data(PalindromeConfig())))
    assert table["training samples"] == "8,000, of 800 palindromes"
    assert table["test samples"] == "2,000, of 200 palindromes"
    assert table["palindromes in both"] == "0"


@pytest.mark.parametrize(
    ("train", "test", "violation"),
    [
        ([(1, 2, 1), (3, 4, 3)], [(3, 4, 3), (5, 5, 5)], "1 palindromes are in the training set and in the test set"),
        ([(1, 2, 1)], [(1, 2, 3)], "the test set holds a sequence that is no palindrome"),
    ],
)
def test_a_leak_and_a_sequence_that_is_no_palindrome_are_found(train, test, violation):
    with pytest.raises(CheckError, match=violation):
        notebook.check_split(Split(palindromes(*train), palindromes(*test), None))


@pytest.mark.parametrize("cell", ["lstm", "rnn", "gru", "peephole"])
def test_every_cell_has_the_shapes_of_the_course_and_no_layer_of_torch(cell):
    table = facts(notebook.check_network(PalindromeConfig(cell=cell, hidden_size=16)))
    assert table["inputs: samples x digits read x inputs"] == "128 x 4 x 1"
    assert table["hidden states"] == "128 x 4 x 16"
    assert table["logits: samples x classes"] == "128 x 10"
    assert table["operations of torch"].endswith("none of them recurrent")


class LibraryNetwork(nn.Module):
    """Network that computes with a layer of torch, and pretends not to."""

    def __init__(self, hidden_size, *, hidden):
        super().__init__()
        self.layer = nn.LSTM(1, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, 10)
        if hidden:  # among the modules; its weights and operations remain
            self.weights = nn.ParameterList(self.layer.parameters())
            layer = self.layer
            del self.layer
            self.recurrent = lambda inputs: self._states(layer, inputs)
        else:
            self.recurrent = lambda inputs: self._states(self.layer, inputs)

    def _states(self, layer, inputs):
        return type("Output", (), {"states": (layer(inputs)[0],)})

    def forward(self, inputs):
        return self.head(self.recurrent(inputs).states[0][:, -1])


@pytest.mark.parametrize(
    ("hidden", "violation"), [(False, "the network contains LSTM"), (True, "pass call aten::lstm")]
)
def test_a_layer_of_torch_is_found_among_the_modules_and_among_the_operations(monkeypatch, hidden, violation):
    config = PalindromeConfig(hidden_size=8)
    monkeypatch.setattr(checks, "build_network", lambda config: LibraryNetwork(config.hidden_size, hidden=hidden))
    with pytest.raises(CheckError, match=violation):
        notebook.check_network(config)


@pytest.mark.parametrize("line", ["from torch.nn import GRU", "layer = torch.nn.LSTM(1, 2)", "nn.RNNCell"])
def test_a_layer_of_torch_is_found_in_the_source(tmp_path, line):
    (tmp_path / "torch_weights.py").write_text(line)
    (tmp_path / "cells.py").write_text("x = 'LSTM'")
    assert checks._own_sources(tmp_path).startswith("1, none with GRU")
    (tmp_path / "layers.py").write_text(line)
    with pytest.raises(CheckError, match=r"layers\.py: uses a recurrent layer of torch"):
        checks._own_sources(tmp_path)


def test_another_shape_is_found(monkeypatch):
    config = PalindromeConfig(hidden_size=8)
    wrong = checks.build_network(replace(config, hidden_size=4))
    monkeypatch.setattr(checks, "build_network", lambda config: wrong)
    with pytest.raises(CheckError, match="hidden states: 128 x 4 x 4 instead of 128 x 4 x 8"):
        notebook.check_network(config)


def test_the_networks_of_the_course_turn_latents_into_images_and_images_into_logits():
    table = facts(notebook.check_gan_shapes(GanConfig()))
    assert table["latents"] == "64 x 100"
    assert table["generated images"] == "64 x 1 x 28 x 28"
    assert table["logits of the discriminator"] == "64"


def interpolation(classes=(3, 3, 3, 3, 3, 8, 8, 8, 8), first=0):
    pixels = torch.arange(first, first + len(classes), dtype=torch.uint8).view(-1, 1, 1).repeat(1, 28, 28)
    return Interpolation(pixels, list(classes), [1.0] * len(classes))


def test_interpolations_of_nine_images_between_two_classes_pass():
    table = facts(notebook.check_interpolations({"linear": interpolation(), "spherical": interpolation()}))
    assert table["spherical"] == "9 images = 7 + 2 endpoints, from class 3 to class 8"


@pytest.mark.parametrize(
    ("other", "violation"),
    [
        (interpolation((3, 3, 8)), "arc: 3 images"),
        (interpolation((3,) * 9), "arc: both endpoints are of class 3"),
        (interpolation(first=1), "arc: its endpoints are not those of the others"),
    ],
)
def test_too_few_images_equal_classes_and_other_endpoints_are_found(other, violation):
    with pytest.raises(CheckError, match=violation):
        notebook.check_interpolations({"linear": interpolation(), "arc": other})
