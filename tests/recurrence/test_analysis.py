import math
from itertools import pairwise

import pytest
import torch
from torch.nn.functional import cross_entropy

from palingen.recurrence import analysis as analysis_module
from palingen.recurrence.analysis import (
    MAX_RECORDED_STEPS,
    NUM_PALINDROMES,
    RunAnalysis,
    analyze_run,
    gate_activations,
    gradient_norms,
    half_lives,
    recorded_steps,
)
from palingen.recurrence.cells import CELLS
from palingen.recurrence.config import PalindromeConfig, build_data
from palingen.recurrence.init import forget_bias
from palingen.recurrence.layers import RecurrentLayer, SequenceClassifier
from palingen.recurrence.palindromes import count_palindromes
from palingen.recurrence.retention import gradient_retention, retention_text
from palingen.recurrence.train import train_palindrome
from palingen.runtime.errors import RunError
from palingen.runtime.json_io import MAX_NUMBER


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


@pytest.mark.parametrize("cell", CELLS)
def test_gradient_norms_do_not_depend_on_the_segments_in_which_they_are_computed(cell, monkeypatch):
    torch.manual_seed(0)
    model = SequenceClassifier(cell, 2, 4, 10, learn_initial_state=True).double()
    inputs, target = torch.randn(3, 11, 2, dtype=torch.float64), torch.tensor([3, 1, 4])
    at_once = gradient_norms(model, inputs, target)
    monkeypatch.setattr(analysis_module, "SEGMENT_STEPS", 4)
    torch.testing.assert_close(gradient_norms(model, inputs, target), at_once)


def test_the_norm_of_a_tiny_gradient_is_not_rounded_to_zero():
    torch.manual_seed(0)
    model = SequenceClassifier("rnn", 1, 4, 10)
    with torch.no_grad():
        model.recurrent.weight_hh.mul_(1e-3)
    norms = gradient_norms(model, torch.rand(2, 10, 1), torch.tensor([1, 2]))["h"]
    assert 0 < norms[0] < 1e-25  # its square is below the smallest number of float32


def test_a_gradient_beyond_the_range_of_single_precision_is_finite(monkeypatch):
    monkeypatch.setattr(analysis_module, "SEGMENT_STEPS", 8)
    monkeypatch.setattr(analysis_module, "MAX_NUMBER", 1e200)
    layer = RecurrentLayer("rnn", 1, 1)
    model = SequenceClassifier("rnn", 1, 1, 10)
    model.recurrent = layer
    with torch.no_grad():
        layer.weight_ih.zero_()
        layer.bias.zero_()
        layer.weight_hh.fill_(100.0)  # the state stays zero, and the gradient grows a hundredfold at each step
    inputs, target = torch.zeros(2, 40, 1), torch.tensor([1, 2])
    norms = gradient_norms(model, inputs, target)["h"]
    torch.testing.assert_close(norms[:-1] / norms[1:], torch.full((39,), 100.0, dtype=torch.float64), rtol=1e-5, atol=0)
    monkeypatch.setattr(analysis_module, "MAX_NUMBER", 1e30)
    assert gradient_norms(model, inputs, target)["h"].max() == 1e30


def test_a_half_life_is_that_of_the_products_of_the_forget_gates():
    layer = RecurrentLayer("lstm", 2, 3)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.zero_()
        layer.bias[3:6] = torch.tensor([0.0, 15.0, 5.0])
    lives = half_lives(layer, torch.randn(1, 6, 2))
    forget_gates = torch.sigmoid(torch.tensor([15.0, 5.0, 0.0], dtype=torch.float64))
    torch.testing.assert_close(forget_gates**lives, torch.full((3,), 0.5, dtype=torch.float64))
    assert half_lives(RecurrentLayer("rnn", 2, 3), torch.randn(1, 6, 2)) is None


def test_a_half_life_beyond_every_number_of_a_record_is_written_as_the_largest(tmp_path):
    train_palindrome(PalindromeConfig(num_samples=200, hidden_size=3, epochs=1, forget_bias_init=90.0), tmp_path)
    analysis = analyze_run(tmp_path)
    assert analysis.half_lives.min() > MAX_NUMBER
    assert analysis.as_record("label")["half_lives"] == [MAX_NUMBER] * 3


def test_a_half_life_is_that_of_the_sequence_of_which_a_unit_keeps_most():
    torch.manual_seed(0)
    layer, inputs = RecurrentLayer("lstm", 2, 1), 3 * torch.randn(4, 6, 2)
    each = [float(half_lives(layer, sequence)) for sequence in inputs.split(1)]
    assert max(each) > 1.2 * min(each)
    assert float(half_lives(layer, inputs)) == pytest.approx(max(each))
    assert half_lives(layer, inputs[:, :1]) is None


def test_a_record_of_a_long_sequence_has_all_steps_near_both_ends_and_few_in_between():
    assert recorded_steps(MAX_RECORDED_STEPS) == list(range(MAX_RECORDED_STEPS))
    steps = recorded_steps(99_999)
    assert len(steps) <= MAX_RECORDED_STEPS
    assert (steps[:5], steps[-5:]) == ([0, 1, 2, 3, 4], [99_994, 99_995, 99_996, 99_997, 99_998])
    gaps = [after - before for before, after in pairwise(steps)]
    assert gaps[: len(gaps) // 2] == sorted(gaps[: len(gaps) // 2])
    norms = {"h": torch.arange(99_999.0)}
    analysis = RunAnalysis(PalindromeConfig(length=100_000), [7] * 99_999, {"z": torch.rand(99_999, 2)}, norms, norms)
    record = analysis.as_record("gru")
    assert record["steps"] == [step + 1 for step in steps]
    assert len(record["gates"]["z"]) == len(record["digits"]) == len(record["trained"]["h"]) == len(steps)


def test_gradient_retention_is_the_larger_norm_at_the_first_step_over_that_of_h_at_the_last():
    norms = {"h": torch.tensor([1.0, 9.0, 4.0]), "c": torch.tensor([2.0, 9.0, 0.0])}
    assert (gradient_retention(norms), retention_text(norms)) == (0.5, "0.5")


def test_without_a_gradient_there_is_no_retention():
    norms = {"h": torch.zeros(3)}  # of a network so certain that its loss is zero
    assert (gradient_retention(norms), retention_text(norms)) == (None, "no gradient")


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
    assert analysis.digits not in build_data(config).train.inputs.tolist()
    assert analysis.gates.keys() == ({"i", "f", "o"} if cell == "lstm" else set())
    assert all(values.shape == (4, 8) for values in analysis.gates.values())
    assert analysis.untrained.keys() == analysis.trained.keys() == set(CELLS[cell].state)
    assert not torch.equal(analysis.untrained["h"], analysis.trained["h"])
    record = analysis.as_record("label")
    assert (record["label"], record["length"], record["steps"]) == ("label", 5, [1, 2, 3, 4])
    assert record["trained"]["h"] == pytest.approx(analysis.trained["h"].tolist(), rel=1e-4)
    assert len(record["half_lives"]) == (8 if cell == "lstm" else 0)
    assert [recall["length"] for recall in record["recall"]] == [2, 5, 10, 25, 50, 100, 250]
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
