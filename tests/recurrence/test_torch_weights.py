import copy

import pytest
import torch
from torch import nn

from palingen.recurrence.layers import RecurrentLayer
from palingen.recurrence.torch_weights import load_torch, store_torch

TORCH = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


@pytest.mark.parametrize("name", TORCH)
def test_weights_stored_in_torchs_layer_give_the_same_outputs_and_load_unchanged(name):
    torch.manual_seed(0)
    ours, theirs, loaded = RecurrentLayer(name, 3, 5), TORCH[name](3, 5), RecurrentLayer(name, 3, 5)
    store_torch(ours, theirs)
    load_torch(loaded, theirs)
    assert all(torch.equal(one, other) for one, other in zip(ours.parameters(), loaded.parameters(), strict=True))
    inputs = torch.randn(4, 6, 3)
    torch.testing.assert_close(ours(inputs).states[0], theirs(inputs.transpose(0, 1))[0].transpose(0, 1))


@pytest.mark.parametrize("name", TORCH)
def test_the_second_bias_of_torchs_layer_is_zero_but_for_the_candidate_of_the_gru(name):
    theirs = TORCH[name](3, 5)
    store_torch(RecurrentLayer(name, 3, 5), theirs)
    assert not theirs.bias_hh_l0[: 10 if name == "gru" else None].any()
    assert theirs.bias_hh_l0.any() == (name == "gru")


def test_a_copy_of_a_layer_has_the_same_equations():
    layer, theirs = RecurrentLayer("lstm", 3, 5), nn.LSTM(3, 5)
    store_torch(copy.deepcopy(layer), theirs)
    assert torch.equal(theirs.weight_hh_l0, layer.weight_hh)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (nn.GRU(3, 5), "has other equations than torch's GRU"),
        (nn.RNN(3, 5, nonlinearity="relu"), "has other equations than torch's RNN_RELU"),
        (nn.LSTM(3, 6), r"input_size, hidden_size=\(3, 5\): the torch layer has \(3, 6\)"),
        (nn.LSTM(3, 5, num_layers=2), "must have one layer"),
        (nn.LSTM(3, 5, bidirectional=True), "one direction"),
        (nn.LSTM(3, 5, bias=False), "biases"),
        (nn.LSTM(3, 5, proj_size=2), "no projection"),
    ],
)
def test_a_layer_of_another_kind_is_refused(layer, reason):
    for convert in (load_torch, store_torch):
        with pytest.raises(ValueError, match=reason):
            convert(RecurrentLayer("lstm", 3, 5), layer)


def test_the_peephole_lstm_has_no_counterpart():
    with pytest.raises(ValueError, match="cell='peephole': has other equations than torch's LSTM"):
        load_torch(RecurrentLayer("peephole", 3, 5), nn.LSTM(3, 5))
