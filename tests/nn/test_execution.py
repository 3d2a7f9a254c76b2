"""Layers outside eager mode: exported to ONNX, compiled, traced; engines that are slower."""

import subprocess
import sys
import warnings

import onnxruntime
import pytest
import torch
from nn_cases import as_tuple
from torch import nn, tanh
from torch.nn.utils.rnn import pack_sequence

import palingen.nn
from palingen.nn.execution import scan_cell
from palingen.recurrence.cells import CELLS, Cell
from palingen.recurrence.unroll import CellWeights, unroll


def decaying(x_proj, h_proj, state, rate):
    (h,) = state
    return (rate * h + tanh(x_proj + h_proj),)


class Model(nn.Module):
    """A model with layers of every kind, in both directions."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Linear(3, 4)
        self.lstm = palingen.nn.LSTM(4, 3, bidirectional=True)
        self.gru = palingen.nn.GRU(6, 4)
        self.stack = palingen.nn.RecurrentStack(Cell(decaying, gates=("h",), extra_weights=("rate",)), 4, 5)
        self.head = nn.Linear(5, 2)

    def forward(self, inputs, h_0):
        output, (_, c) = self.lstm(torch.relu(self.embedding(inputs)))
        output, h = self.gru(output, h_0)
        return self.head(self.stack(output)[0]), c, h


@pytest.mark.torture
def test_onnxruntime_computes_the_same_for_any_number_of_steps_and_sequences(tmp_path):
    model, path = Model().eval(), tmp_path / "model.onnx"
    steps, sequences = torch.export.Dim("steps"), torch.export.Dim("sequences")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter warns about itself
        torch.onnx.export(
            model,
            (torch.randn(7, 2, 3), torch.randn(1, 2, 4)),
            str(path),
            input_names=["inputs", "h_0"],
            dynamic_shapes=({0: steps, 1: sequences}, {1: sequences}),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    session = onnxruntime.InferenceSession(path)
    for T, B in ((1, 1), (2, 3), (7, 2), (50, 4), (200, 1)):
        inputs, h_0 = torch.randn(T, B, 3), torch.randn(1, B, 4)
        actual = session.run(None, {"inputs": inputs.numpy(), "h_0": h_0.numpy()})
        with torch.no_grad():
            expected = model(inputs, h_0)
        for one, other in zip(actual, expected, strict=True):
            torch.testing.assert_close(torch.from_numpy(one), other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("is_missing", [False, True], ids=["scan", "without scan"])
@pytest.mark.parametrize("name", CELLS)
def test_the_scan_of_an_exported_graph_equals_the_reference(name, is_missing, monkeypatch):
    if is_missing:  # as from a torch that moved it
        monkeypatch.setitem(sys.modules, "torch._higher_order_ops.scan", None)
    layer = palingen.nn.RecurrentStack(name, 2, 3)
    weight_ih, weight_hh, bias, *extra = layer.all_weights[0]
    weights, inputs = CellWeights(weight_ih, weight_hh, bias, tuple(extra)), torch.randn(4, 5, 2)
    state = tuple(torch.randn(4, 3) for _ in layer.cell.state)
    with torch.no_grad():
        for initial in (None, state):
            actual, expected = (
                scan_cell(layer.cell, weights, inputs, initial),
                unroll(layer.cell, weights, inputs, initial),
            )
            torch.testing.assert_close(actual, expected)


# `torch.compile` reads `.grad` of what enters a graph after any break, and hides the warning unless it is an error.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated")  # torch imports it
def test_a_compiled_model_runs_the_layers_outside_its_graphs_with_equal_results():
    model = Model()
    compiled = torch.compile(model, backend="aot_eager")
    for T in (5, 9):
        inputs, h_0 = torch.randn(T, 2, 3), torch.randn(1, 2, 4)
        results = []
        for function in (model, compiled):
            outputs = function(inputs, h_0)
            loss = sum(part.square().sum() for part in outputs)
            results.append([*outputs, *torch.autograd.grad(loss, [*model.parameters()])])
        for one, other in zip(*results, strict=True):
            torch.testing.assert_close(one, other)


def test_a_trace_is_the_plain_loop():
    layer, inputs = palingen.nn.GRU(2, 3), torch.randn(4, 5, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated, and warns that the number of steps is fixed
        traced = torch.jit.trace(layer, inputs)
        for case in (inputs, torch.randn(4, 5, 2)):
            torch.testing.assert_close(as_tuple(traced(case)), as_tuple(layer(case)))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch uses it for forward-mode derivatives
def test_the_reference_engine_takes_part_in_transforms_of_functions():
    layer, inputs = palingen.nn.LSTM(2, 3, engine="reference"), torch.randn(5, 4, 1, 2)
    torch.testing.assert_close(torch.vmap(layer)(inputs)[0], torch.stack([layer(batch)[0] for batch in inputs]))
    tangent = torch.randn(4, 1, 2, dtype=torch.float64)
    layer, inputs = layer.double(), inputs[0].double()
    _, actual = torch.func.jvp(lambda inputs: layer(inputs)[0].sum(), (inputs,), (tangent,))
    gradient = torch.func.grad(lambda inputs: layer(inputs)[0].sum())(inputs)
    torch.testing.assert_close(actual, (gradient * tangent).sum())


SLOW = """
import torch
from palingen import Cell, nn


def sine(x_proj, h_proj, state):
    return (torch.sin(x_proj + h_proj),)


for _ in range(2):
    nn.LSTM(2, 3, 2)(torch.zeros(4, 1, 2))
    nn.GRU(2, 3, 2, dtype=torch.float64)(torch.zeros(4, 1, 2, dtype=torch.float64))
    nn.LSTM(2, 3, dtype=torch.float64)(torch.zeros(4, 1, 2, dtype=torch.float64))
    nn.RecurrentStack(Cell(sine, gates=("h",)), 2, 3)(torch.zeros(4, 1, 2))
    nn.LSTM(2, 3, dtype=torch.float64, engine="reference")(torch.zeros(4, 1, 2, dtype=torch.float64))
"""


def test_a_slower_engine_is_announced_once_for_each_reason():
    run = subprocess.run([sys.executable, "-W", "error", "-c", SLOW], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    lines = [line for line in run.stderr.splitlines() if "compiling recurrence.cpp" not in line]
    start = "palingen.nn: the native engine cannot run this layer, so it is slower"
    assert lines == [
        f"{start} (computes in float32 on a CPU, not in torch.float64 on cpu)",
        f"{start} (the step uses aten.sin.default, which has no vector form)",
    ]


def test_other_names_are_torchs_own():
    assert palingen.nn.Linear is nn.Linear
    assert palingen.nn.functional is nn.functional
    assert {"LSTM", "RecurrentStack", "Linear"} <= {*dir(palingen.nn)}
    with pytest.raises(AttributeError, match="has no attribute 'LSMT'"):
        _ = palingen.nn.LSMT
    assert palingen.nn.LSTM is not nn.LSTM
    assert isinstance(palingen.nn.LSTM(2, 3)(pack_sequence([torch.zeros(4, 2)]))[0], nn.utils.rnn.PackedSequence)
