"""Wrong arguments end in one line, with the type of exception that torch's layers raise."""

import pytest
from torch import nn, zeros
from torch.nn.utils.rnn import pack_sequence

import palingen.nn

CONSTRUCTOR = {
    "input_size=0: must be greater than zero": (0, 5),
    "hidden_size=0: must be greater than zero": (3, 0),
    "num_layers=0: must be greater than zero": (3, 5, 0),
    "hidden_size=5.0: must be an int, not float": (3, 5.0),
    "input_size='3': must be an int, not str": ("3", 5),
    "bias=1: must be a bool, not int": (3, 5, 2, 1),
    "batch_first=1: must be a bool, not int": (3, 5, 2, True, 1),
    "dropout=1.5: must be a number from 0 to 1": (3, 5, 2, True, False, 1.5),
    "dropout=True: must be a number from 0 to 1": (3, 5, 2, True, False, True),
}


@pytest.mark.parametrize("message", CONSTRUCTOR)
def test_a_wrong_argument_of_the_constructor_is_refused_as_by_torch(message):
    with pytest.raises((TypeError, ValueError)) as expected:
        nn.LSTM(*CONSTRUCTOR[message])
    with pytest.raises(expected.type) as error:
        palingen.nn.LSTM(*CONSTRUCTOR[message])
    assert str(error.value) == message


@pytest.mark.parametrize("cell", [None, 5, lambda x_proj, h_proj, state: state])
def test_a_cell_that_is_none_is_refused(cell):
    with pytest.raises(TypeError, match=r"^cell=.*: must be a Cell or its name, not (NoneType|int|function)$"):
        palingen.nn.RecurrentStack(cell, 3, 5)


CALLS = {
    "LSTM: input must be 2-D or 3-D, not 4-D": (zeros(1, 2, 3, 3),),
    "input: input.size(-1) must be input_size=3, not 4": (zeros(4, 2, 4),),
    "input: must have at least one step": (zeros(0, 2, 3),),
    "input: is torch.float64, but the layer torch.float32; convert one of them with .to()": (zeros(4, 2, 3).double(),),
    "input: is on meta, but the layer on cpu; move one of them with .to()": (zeros(4, 2, 3, device="meta"),),
    "hx: for batched 3-D input it must also be 3-D, not 2-D": (zeros(4, 2, 3), (zeros(2, 5), zeros(2, 5))),
    "hx: for unbatched 2-D input it must also be 2-D, not 3-D": (zeros(4, 3), (zeros(1, 1, 5), zeros(1, 1, 5))),
    "hx[1]: must have shape (1, 2, 5), not (1, 2, 4)": (zeros(4, 2, 3), (zeros(1, 2, 5), zeros(1, 2, 4))),
    "hx[0]: must have shape (1, 2, 5), not (1, 3, 5)": (
        pack_sequence([zeros(4, 3), zeros(2, 3)]),
        (zeros(1, 3, 5), zeros(1, 3, 5)),
    ),
}


@pytest.mark.parametrize("message", CALLS)
def test_a_wrong_input_is_refused_as_by_torch(message):
    with pytest.raises((RuntimeError, ValueError)) as expected:
        nn.LSTM(3, 5)(*CALLS[message])
    with pytest.raises(expected.type) as error:
        palingen.nn.LSTM(3, 5)(*CALLS[message])
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("name", "hx", "message"),
    [
        ("LSTM", zeros(1, 2, 5), r"^hx: must be a tuple of tensors \(h_0, c_0\)$"),
        ("LSTM", (zeros(1, 2, 5),), r"^hx: must be a tuple of tensors \(h_0, c_0\)$"),
        ("GRU", (zeros(1, 2, 5),), "^hx: must be one tensor$"),
    ],
)
def test_a_state_with_other_parts_is_refused(name, hx, message):
    with pytest.raises(TypeError, match=message):
        getattr(palingen.nn, name)(3, 5)(zeros(4, 2, 3), hx)


def test_a_state_of_another_dtype_is_refused():
    with pytest.raises(ValueError, match=r"^input: is torch\.float32, but hx torch\.float64; convert one of them"):
        palingen.nn.GRU(3, 5)(zeros(4, 2, 3), zeros(1, 2, 5).double())


def test_dropout_without_a_layer_above_is_warned_about_as_by_torch():
    for module in (nn, palingen.nn):
        with pytest.warns(UserWarning, match=r"num_layers"):
            module.GRU(3, 5, dropout=0.5)
