import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from palingen.recurrence.analysis import (
    NUM_PALINDROMES,
    analyze_run,
    gate_activations,
    gradient_norms,
    gradient_retention,
)
from palingen.recurrence.cells import CELLS
from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.init import forget_bias
from palingen.recurrence.layers import RecurrentLayer, SequenceClassifier
from palingen.recurrence.palindromes import count_palindromes
from palingen.recurrence.train import train_palindrome
from palingen.runtime.errors import RunError


def test_the_gates_of_an_lstm_reproduce_its_state():
    torch.manual_seed(0)
    layer = RecurrentLayer("lstm", 2, 5)
    inputs = torch.randn(1, 6, 2)
    gates = gate_activations(layer, inputs)
    (h, c), _ = layer(inputs)
    previous_h = torch.cat([torch.zeros(1, 1, 5), h[:, :-1]], dim=1)
    previous_c = torch.cat([torch.zeros(1, 1, 5), c[:, :-1]], dim=1)
    sums = inputs @ layer.weight_ih.T + previous_h @ layer.weight_hh.T + layer.bias
    _, f, g, _ = sums[0].chunk(4, dim=-1)
    order = torch.sigmoid(f).mean(0).argsort(descending=True)
    torch.testing.assert_close(
        torch.tanh(g)[:, order] * gates["i"] + previous_c[0, :, order] * gates["f"], c[0, :, order]
    )
    torch.testing.assert_close(torch.tanh(c[0, :, order]) * gates["o"], h[0, :, order])


def test_units_are_sorted_by_their_mean_forget_gate():
    torch.manual_seed(0)
    gates = gate_activations(RecurrentLayer("gru", 2, 9), torch.randn(1, 6, 2))
    means = gates["z"].mean(0)
    assert (means[:-1] >= means[1:]).all()


def test_the_output_gate_of_a_peephole_lstm_depends_on_the_new_memory():
    torch.manual_seed(0)
    layer = RecurrentLayer("peephole", 2, 5)
    inputs = torch.randn(1, 6, 2)
    gates = gate_activations(layer, inputs)
    (h, c), _ = layer(inputs)
    ratio = (h / torch.tanh(c))[0]  # (6)
    assert sorted(gates["o"].flatten().tolist()) == pytest.approx(sorted(ratio.flatten().tolist()), rel=1e-4)


def test_the_gates_start_from_a_learned_initial_state():
    torch.manual_seed(0)
    layer = RecurrentLayer("lstm", 2, 5, learn_initial_state=True)
    inputs = torch.randn(1, 1, 2)
    before = gate_activations(layer, inputs)["o"]
    with torch.no_grad():
        layer.initial_state["h"].fill_(1.0)
    assert not torch.allclose(gate_activations(layer, inputs)["o"], before)


def test_the_simple_rnn_has_no_gates():
    assert gate_activations(RecurrentLayer("rnn", 2, 5), torch.randn(1, 6, 2)) == {}


@pytest.mark.parametrize("cell", CELLS)
def test_gradient_norms_are_those_of_finite_differences(cell):
    torch.manual_seed(0)
    model = SequenceClassifier(cell, 2, 4, 10).double()
    inputs, target = torch.randn(1, 5, 2, dtype=torch.float64), torch.tensor([3])
    norms = gradient_norms(model, inputs, target)
    layer = model.recurrent
    state = layer(inputs[:, :2]).final_state
    gradient = []
    for unit in range(4):
        losses = []
        for shift in (1e-6, -1e-6):
            h = state[0].detach().clone()
            h[0, unit] += shift
            final_h = layer(inputs[:, 2:], (h, *state[1:])).final_state[0]
            losses.append(cross_entropy(model.head(final_h), target))
        gradient.append((losses[0] - losses[1]) / 2e-6)
    assert norms["h"][1].item() == pytest.approx(torch.stack(gradient).norm().item(), rel=1e-5)
    assert set(norms) == set(CELLS[cell].state)
    assert norms["h"].shape == (5,)


def test_gradient_retention_is_the_larger_norm_at_the_first_step_over_that_of_h_at_the_last():
    assert gradient_retention({"h": torch.tensor([1.0, 9.0, 4.0]), "c": torch.tensor([2.0, 9.0, 0.0])}) == 0.5


def test_the_gradient_vanishes_faster_in_an_rnn_than_in_an_lstm_with_a_forget_bias():
    retention = {}
    for cell in ("rnn", "lstm"):
        torch.manual_seed(0)
        model = SequenceClassifier(cell, 1, 32, 10)
        if cell == "lstm":
            forget_bias(model.recurrent, 5.0)
        retention[cell] = gradient_retention(gradient_norms(model, torch.rand(8, 40, 1), torch.arange(8)))
    assert retention["rnn"] < 1e-4 < 1e-2 < retention["lstm"]


@pytest.mark.parametrize("cell", ["lstm", "rnn"])
def test_the_analysis_of_a_run_describes_its_network_before_and_after_training(tmp_path, cell):
    config = PalindromeConfig(cell=cell, num_samples=200, hidden_size=8, epochs=1)
    train_palindrome(config, tmp_path)
    analysis = analyze_run(tmp_path)
    assert analysis.config == config
    assert len(analysis.digits) == 4
    assert analysis.gates.keys() == ({"i", "f", "o"} if cell == "lstm" else set())
    assert all(values.shape == (4, 8) for values in analysis.gates.values())
    assert analysis.untrained.keys() == analysis.trained.keys() == set(CELLS[cell].state)
    assert not torch.equal(analysis.untrained["h"], analysis.trained["h"])
    record = analysis.as_record("label")
    assert record["label"] == "label"
    assert record["trained"]["h"] == analysis.trained["h"].tolist()
    assert all(map(math.isfinite, record["untrained"]["h"]))


def test_a_length_with_few_palindromes_can_be_analysed(tmp_path):
    assert count_palindromes(2) < NUM_PALINDROMES
    train_palindrome(PalindromeConfig(length=2, num_samples=100, hidden_size=8, epochs=1), tmp_path)
    assert analyze_run(tmp_path).trained["h"].shape == (1,)


def test_a_shipped_network_is_analysed_by_its_name():
    analysis = analyze_run("pretrained:lstm-memory")
    assert analysis.config.length == 200
    assert gradient_retention(analysis.trained) > 0.01  # it reaches the first of 199 digits


def test_a_folder_without_a_finished_run_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"not a run folder \(no config\.json\)"):
        analyze_run(tmp_path)
