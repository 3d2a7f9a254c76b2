from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from palingen.recurrence.cells import CELLS, Cell, CellName
from palingen.recurrence.layers import RecurrentLayer, SequenceClassifier
from palingen.recurrence.torch_weights import load_torch

TORCH = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
EXACT = {"rtol": 1e-10, "atol": 1e-12}

shapes = st.tuples(st.integers(1, 5), st.integers(1, 7), st.integers(1, 4), st.integers(1, 6))


def as_torch_state(name, state):
    """State [B, H] for each part as torch takes it: [1, B, H], without a tuple if there is one part."""
    parts = tuple(part.unsqueeze(0) for part in state)
    return parts if name == "lstm" else parts[0]


@pytest.mark.parametrize("name", TORCH)
@given(shape=shapes, seed=st.integers(0, 10_000))
@settings(max_examples=25)
def test_outputs_and_gradients_equal_those_of_torchs_layer(name, shape, seed):
    batch_size, steps, input_size, hidden_size = shape
    torch.manual_seed(seed)
    theirs = TORCH[name](input_size, hidden_size, batch_first=True, dtype=torch.float64)
    ours = RecurrentLayer(name, input_size, hidden_size).double()
    load_torch(ours, theirs)
    inputs = torch.randn(batch_size, steps, input_size, dtype=torch.float64, requires_grad=True)
    state = tuple(
        torch.randn(batch_size, hidden_size, dtype=torch.float64, requires_grad=True) for _ in ours.cell.state
    )
    d_hidden = torch.randn(batch_size, steps, hidden_size, dtype=torch.float64)

    (our_hidden, *_), our_final = ours(inputs, state)
    their_hidden, their_final = theirs(inputs, as_torch_state(name, state))
    torch.testing.assert_close(our_hidden, their_hidden, **EXACT)
    for our, their in zip(our_final, their_final if name == "lstm" else (their_final,), strict=True):
        torch.testing.assert_close(our, their[0], **EXACT)

    our_gradients = torch.autograd.grad((our_hidden * d_hidden).sum(), [inputs, *state, *ours.parameters()])
    their_gradients = torch.autograd.grad((their_hidden * d_hidden).sum(), [inputs, *state, *theirs.parameters()])
    count = 1 + len(state)
    for our, their in zip(our_gradients[:count], their_gradients[:count], strict=True):
        torch.testing.assert_close(our, their, **EXACT)
    by_name = dict(zip(dict(ours.named_parameters()), our_gradients[count:], strict=True))
    weight_ih, weight_hh, bias_ih, bias_hh = their_gradients[count:]
    torch.testing.assert_close(by_name["weight_ih"], weight_ih, **EXACT)
    torch.testing.assert_close(by_name["weight_hh"], weight_hh, **EXACT)
    torch.testing.assert_close(by_name["bias"], bias_ih, **EXACT)
    if name == "gru":
        torch.testing.assert_close(by_name["extra_weights.b_hn"], bias_hh[2 * hidden_size :], **EXACT)


@given(shape=shapes, seed=st.integers(0, 10_000))
@settings(max_examples=25)
def test_the_peephole_lstm_follows_its_equations(shape, seed):
    batch_size, steps, input_size, hidden_size = shape
    torch.manual_seed(seed)
    layer = RecurrentLayer("peephole", input_size, hidden_size).double()
    inputs = torch.randn(batch_size, steps, input_size, dtype=torch.float64)

    h = c = torch.zeros(batch_size, hidden_size, dtype=torch.float64)
    w_x = dict(zip("ifgo", layer.weight_ih.chunk(4), strict=True))
    w_h = dict(zip("ifgo", layer.weight_hh.chunk(4), strict=True))
    b = dict(zip("ifgo", layer.bias.chunk(4), strict=True))
    p = layer.extra_weights
    for x in inputs.unbind(1):
        sums = {gate: x @ w_x[gate].T + h @ w_h[gate].T + b[gate] for gate in "ifgo"}
        i = torch.sigmoid(sums["i"] + p["p_i"] * c)
        f = torch.sigmoid(sums["f"] + p["p_f"] * c)
        c = torch.tanh(sums["g"]) * i + c * f
        o = torch.sigmoid(sums["o"] + p["p_o"] * c)
        h = torch.tanh(c) * o

    (hidden, _), (final_h, final_c) = layer(inputs)
    torch.testing.assert_close(hidden[:, -1], h, **EXACT)
    torch.testing.assert_close(final_h, h, **EXACT)
    torch.testing.assert_close(final_c, c, **EXACT)


def test_the_peephole_lstm_with_zero_peepholes_is_the_lstm():
    torch.manual_seed(0)
    peephole, lstm = RecurrentLayer("peephole", 3, 5).double(), RecurrentLayer("lstm", 3, 5).double()
    lstm.load_state_dict({name: w for name, w in peephole.state_dict().items() if not name.startswith("extra")})
    with torch.no_grad():
        for weight in peephole.extra_weights.values():
            weight.zero_()
    inputs = torch.randn(4, 6, 3, dtype=torch.float64)
    torch.testing.assert_close(peephole(inputs).states, lstm(inputs).states, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", CELLS)
def test_gradients_are_those_of_finite_differences(name):
    torch.manual_seed(0)
    layer = RecurrentLayer(name, 2, 3).double()
    inputs = torch.randn(2, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda inputs: layer(inputs).states, inputs)


def test_registry_and_literal_name_the_same_cells():
    assert set(CELLS) == set(get_args(CellName))


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_the_forget_and_input_gate_of_a_cell_are_among_its_gates(cell):
    assert {cell.forget_gate, cell.input_gate} - {None} <= set(cell.gates)


def test_a_new_cell_is_one_function_and_one_line():
    def leaky(x_proj, h_proj, state):
        return (0.9 * state[0] + 0.1 * torch.tanh(x_proj + h_proj),)

    model = SequenceClassifier(Cell(leaky, gates=("h",)), 1, 8, 10)
    logits = model(torch.randn(4, 6, 1))
    logits.sum().backward()
    assert logits.shape == (4, 10)
    assert model.recurrent.weight_hh.grad.abs().sum() > 0
