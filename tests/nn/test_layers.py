"""LSTM, GRU and RNN against torch's over all options; scripts that change one import."""

import subprocess
import sys

import pytest
import torch
from nn_cases import KINDS, TOLERANCE, Case, all_cases, arguments, as_tuple, layer_pair, results
from torch import nn
from torch.nn.utils.rnn import PackedSequence

import palingen.nn
from palingen.nn.layers import RNN_CELLS
from palingen.recurrence.engines import resolve_engine

CLASSES = ("LSTM", "GRU", "RNN")


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kind", KINDS)
def test_outputs_states_and_gradients_are_torchs_for_every_combination_of_options(kind, dtype):
    tolerance = TOLERANCE[dtype]
    for seed, case in [*enumerate(all_cases())][:: 1 if dtype == torch.float32 else 7]:  # float64 runs on slow engines
        generator = torch.Generator().manual_seed(seed)
        theirs, ours = layer_pair(kind, case, dtype)
        inputs, hx, leaves = arguments(case, len(ours.cell.state), dtype, generator)
        expected_output, expected = results(theirs, inputs, hx, leaves, seed)
        output, actual = results(ours, inputs, hx, leaves, seed)
        for one, other in zip(actual, expected, strict=True):
            assert one.shape == other.shape, case
            torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance, msg=str(case))
        assert type(output) is type(expected_output)
        if isinstance(output, PackedSequence):
            for one, other in zip(output[1:], expected_output[1:], strict=True):
                assert one is other is None or torch.equal(one, other), case


def test_relu_runs_on_the_native_engine():
    assert resolve_engine("auto", RNN_CELLS["relu"], torch.zeros(2, 3, 1)) == "native"


@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_steps_of_128_units_are_torchs(kind):
    name, options = kind.split()[0], KINDS[kind]
    theirs, ours = getattr(nn, name)(10, 128, **options), getattr(palingen.nn, name)(10, 128, **options)
    ours.load_state_dict(theirs.state_dict())
    inputs = torch.randn(100, 9, 10)
    expected, actual = (results(layer, inputs, None, [], 0)[1] for layer in (theirs, ours))
    for one, other in zip(actual, expected, strict=True):
        scale = max(1.0, other.abs().max().item())
        assert (one - other).abs().max().item() <= 5e-5 * scale


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_a_seed_gives_torchs_weights_under_torchs_names_in_torchs_order(kind, bidirectional, bias):
    layers = []
    for module in (nn, palingen.nn):
        torch.manual_seed(0)
        options = {**KINDS[kind], "bidirectional": bidirectional, "bias": bias}
        layers.append(getattr(module, kind.split()[0])(3, 5, 2, **options))
    theirs, ours = layers
    assert repr(ours) == repr(theirs)
    assert [*ours.state_dict()] == [*theirs.state_dict()]
    assert [name for name, _ in ours.named_parameters()] == [name for name, _ in theirs.named_parameters()]
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one, other)
    for one, other in zip(ours.all_weights, theirs.all_weights, strict=True):
        assert [weight.shape for weight in one] == [weight.shape for weight in other]
    assert ours.mode == theirs.mode


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_dict_goes_to_torch_and_back_unchanged(kind):
    case = Case(2, True, False, True, 0.0, "batched", False)
    _, ours = layer_pair(kind, case, torch.float32)
    theirs, back = layer_pair(kind, case, torch.float32)
    theirs.load_state_dict(ours.state_dict())
    back.load_state_dict(theirs.state_dict())
    for name, weight in ours.state_dict().items():
        assert torch.equal(weight, theirs.state_dict()[name])
        assert torch.equal(weight, back.state_dict()[name])
    inputs = torch.randn(6, 4, 3)
    torch.testing.assert_close(back(inputs)[0], theirs(inputs)[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", CLASSES)
def test_arguments_may_be_given_by_position_as_to_torch(name):
    options = (True, True, 0.5, True) if name != "RNN" else ("relu", True, True, 0.5, True)
    theirs, ours = getattr(nn, name)(3, 5, 2, *options), getattr(palingen.nn, name)(3, 5, 2, *options)
    for field in ("bias", "batch_first", "dropout", "bidirectional", "proj_size", "mode"):
        assert getattr(ours, field) == getattr(theirs, field)


def test_a_projection_is_refused_in_one_line():
    assert palingen.nn.LSTM(3, 5, proj_size=0).proj_size == 0
    with pytest.raises(ValueError, match=r"^proj_size=2: must be 0, the engines have no projection; use torch\.nn\.L"):
        palingen.nn.LSTM(3, 5, proj_size=2)


def test_an_unknown_nonlinearity_is_refused():
    with pytest.raises(ValueError, match=r"^nonlinearity='elu': must be 'tanh' or 'relu'$"):
        palingen.nn.RNN(3, 5, nonlinearity="elu")


def test_the_peephole_lstm_without_peepholes_is_torchs_lstm_and_loads_its_state_dict():
    theirs, ours = nn.LSTM(3, 5, 2, bidirectional=True), palingen.nn.Peephole(3, 5, 2, bidirectional=True)
    missing, unexpected = ours.load_state_dict(theirs.state_dict(), strict=False)
    assert unexpected == []
    assert missing == [f"p_{gate}_l{k}{end}" for k in (0, 1) for end in ("", "_reverse") for gate in "ifo"]
    inputs = torch.randn(6, 4, 3)
    assert not torch.allclose(ours(inputs)[0], theirs(inputs)[0], atol=1e-3)
    with torch.no_grad():
        for name in missing:
            ours.get_parameter(name).zero_()
    output, hidden = ours(inputs)
    expected_output, expected_hidden = theirs(inputs)
    torch.testing.assert_close(output, expected_output, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(as_tuple(hidden), as_tuple(expected_hidden), rtol=1e-5, atol=1e-5)


SCRIPT = """
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence


class Tagger(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.embedding = nn.Embedding(20, 8)
        self.rnn = getattr(nn, kind)(8, 16, num_layers=2, batch_first=True, dropout=0.2, bidirectional=True)
        self.head = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 5))
        for name, weight in self.rnn.named_parameters():
            if "weight_hh" in name:
                nn.init.orthogonal_(weight)
            elif "bias_ih" in name:
                weight.data.fill_(0.1)

    def forward(self, tokens):
        self.rnn.flatten_parameters()
        packed = pack_sequence([self.embedding(row) for row in tokens], enforce_sorted=False)
        output, lengths = pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
        return self.head(F.relu(output, inplace=True)).view(-1, 5)


for kind in ("LSTM", "GRU", "RNN"):
    torch.manual_seed(0)
    model = Tagger(kind)
    assert sum(isinstance(module, nn.RNNBase | getattr(nn, kind)) for module in model.modules()) == 1
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for step in range(10):
        tokens = [torch.randint(20, (length,)) for length in (5, 9, 2, 7)]
        target = torch.nn.utils.rnn.pad_sequence([row % 5 for row in tokens], batch_first=True).view(-1)
        loss = nn.CrossEntropyLoss()(model(tokens), target)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        print(f"{loss.item():.9f}")
    model.eval()
    with torch.no_grad():
        print(f"{model(tokens).sum().item():.9f}")
"""


@pytest.mark.torture
def test_a_script_that_changes_one_import_prints_the_losses_of_torch(tmp_path):
    losses = []
    for module in ("torch.nn", "palingen.nn"):
        path = tmp_path / f"{module}.py"
        path.write_text(SCRIPT.replace("import torch.nn as nn", f"import {module} as nn"))
        command = [sys.executable, "-W", "error", str(path)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        losses.append([float(line) for line in run.stdout.split()])
    theirs, ours = losses
    assert len(ours) == 33
    assert ours != theirs  # the engines round differently
    assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-4)
    assert ours[9] < ours[0]
