from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from palingen.recurrence.cells import CELLS, Cell, CellName
from palingen.recurrence.exchange import load_torch, store_torch
from palingen.recurrence.network import Classifier, Recurrent

TORCH = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}

shapes = st.tuples(st.integers(1, 5), st.integers(1, 7), st.integers(1, 4), st.integers(1, 6))


def as_torch_state(name, state):
    """Our tuple of [B, H] as torch's [1, B, H], alone for one part."""
    parts = tuple(part.unsqueeze(0) for part in state)
    return parts if name == "lstm" else parts[0]


@pytest.mark.parametrize("name", TORCH)
@given(shape=shapes, seed=st.integers(0, 10_000))
@settings(max_examples=25)
def test_outputs_and_gradients_equal_those_of_torchs_layer(name, shape, seed):
    batch, steps, inputs, hidden = shape
    torch.manual_seed(seed)
    theirs = TORCH[name](inputs, hidden, batch_first=True, dtype=torch.float64)
    ours = Recurrent(name, inputs, hidden).double()
    load_torch(ours, theirs)
    sequence = torch.randn(batch, steps, inputs, dtype=torch.float64, requires_grad=True)
    state = tuple(torch.randn(batch, hidden, dtype=torch.float64, requires_grad=True) for _ in ours.cell.state)
    arriving = torch.randn(batch, steps, hidden, dtype=torch.float64)

    (our_hidden, *_), our_last = ours(sequence, state)
    their_hidden, their_last = theirs(sequence, as_torch_state(name, state))
    torch.testing.assert_close(our_hidden, their_hidden, rtol=1e-10, atol=1e-12)
    their_last = their_last if name == "lstm" else (their_last,)
    for our, their in zip(our_last, their_last, strict=True):
        torch.testing.assert_close(our, their[0], rtol=1e-10, atol=1e-12)

    our_gradients = torch.autograd.grad((our_hidden * arriving).sum(), [sequence, *state, *ours.parameters()])
    wanted = [sequence, *state, *theirs.parameters()]
    their_gradients = torch.autograd.grad((their_hidden * arriving).sum(), wanted)
    count = 1 + len(state)
    for our, their in zip(our_gradients[:count], their_gradients[:count], strict=True):
        torch.testing.assert_close(our, their, rtol=1e-10, atol=1e-12)
    names = dict(zip(dict(ours.named_parameters()), our_gradients[count:], strict=True))
    weight_ih, weight_hh, bias_ih, bias_hh = their_gradients[count:]
    torch.testing.assert_close(names["input_weight"], weight_ih, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(names["hidden_weight"], weight_hh, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(names["bias"], bias_ih, rtol=1e-10, atol=1e-12)
    if name == "gru":
        torch.testing.assert_close(names["extras.b_hn"], bias_hh[2 * hidden :], rtol=1e-10, atol=1e-12)


@given(shape=shapes, seed=st.integers(0, 10_000))
@settings(max_examples=25)
def test_peephole_follows_its_equations_and_its_gradients_their_differences(shape, seed):
    batch, steps, inputs, hidden = shape
    torch.manual_seed(seed)
    layer = Recurrent("peephole", inputs, hidden).double()
    sequence = torch.randn(batch, steps, inputs, dtype=torch.float64, requires_grad=True)

    h = c = torch.zeros(batch, hidden, dtype=torch.float64)
    w_x = dict(zip("ifgo", layer.input_weight.chunk(4), strict=True))
    w_h = dict(zip("ifgo", layer.hidden_weight.chunk(4), strict=True))
    b = dict(zip("ifgo", layer.bias.chunk(4), strict=True))
    p = layer.extras
    for x in sequence.unbind(1):
        pre = {gate: x @ w_x[gate].T + h @ w_h[gate].T + b[gate] for gate in "ifgo"}
        i = torch.sigmoid(pre["i"] + p["p_i"] * c)
        f = torch.sigmoid(pre["f"] + p["p_f"] * c)
        c = torch.tanh(pre["g"]) * i + c * f
        o = torch.sigmoid(pre["o"] + p["p_o"] * c)
        h = torch.tanh(c) * o

    (hidden_states, _), (last_h, last_c) = layer(sequence)
    torch.testing.assert_close(hidden_states[:, -1], h, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(last_h, h, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(last_c, c, rtol=1e-10, atol=1e-12)


def test_peephole_without_peepholes_is_the_lstm():
    torch.manual_seed(0)
    peephole, lstm = Recurrent("peephole", 3, 5).double(), Recurrent("lstm", 3, 5).double()
    lstm.load_state_dict({name: w for name, w in peephole.state_dict().items() if not name.startswith("extras")})
    with torch.no_grad():
        for weight in peephole.extras.values():
            weight.zero_()
    sequence = torch.randn(4, 6, 3, dtype=torch.float64)
    torch.testing.assert_close(peephole(sequence)[0], lstm(sequence)[0], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", CELLS)
def test_gradients_are_those_of_finite_differences(name):
    torch.manual_seed(0)
    layer = Recurrent(name, 2, 3).double()
    sequence = torch.randn(2, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda inputs: layer(inputs).states, sequence)


@pytest.mark.parametrize("name", TORCH)
def test_weights_go_to_torch_and_back_unchanged(name):
    torch.manual_seed(0)
    ours, theirs, back = Recurrent(name, 3, 5), TORCH[name](3, 5), Recurrent(name, 3, 5)
    store_torch(ours, theirs)
    load_torch(back, theirs)
    for weight, again in zip(ours.parameters(), back.parameters(), strict=True):
        assert torch.equal(weight, again)
    free = slice(0, 10) if name == "gru" else slice(None)
    assert not theirs.bias_hh_l0[free].any()
    sequence = torch.randn(4, 6, 3)
    torch.testing.assert_close(ours(sequence).states[0], theirs(sequence.transpose(0, 1))[0].transpose(0, 1))


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        (nn.GRU(3, 5), "other equations"),
        (nn.LSTM(3, 6), "hidden units"),
        (nn.LSTM(3, 5, num_layers=2), "one layer"),
        (nn.LSTM(3, 5, bidirectional=True), "one direction"),
        (nn.LSTM(3, 5, bias=False), "biases"),
    ],
)
def test_weights_of_another_layer_are_refused(layer, says):
    with pytest.raises(ValueError, match=says):
        load_torch(Recurrent("lstm", 3, 5), layer)


def test_registry_and_literal_name_the_same_cells():
    assert set(CELLS) == set(get_args(CellName))


def test_a_cell_of_ones_own_is_one_function_and_one_line():
    def leaky(x_part, h_part, state):
        return (0.9 * state[0] + 0.1 * torch.tanh(x_part + h_part),)

    model = Classifier(Cell(leaky, gates=("h",)), 1, 8, 10)
    logits = model(torch.randn(4, 6, 1))
    logits.sum().backward()
    assert logits.shape == (4, 10)
    assert model.recurrent.hidden_weight.grad.abs().sum() > 0
