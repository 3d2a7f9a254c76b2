import pytest
import torch
from engine_cases import CPU_ENGINES
from hypothesis import given, settings
from hypothesis import strategies as st

from palingen.recurrence.cells import CELLS, Cell
from palingen.recurrence.engines import run_engine
from palingen.recurrence.layers import RecurrentLayer, SequenceClassifier
from palingen.runtime.errors import ConfigError


@given(name=st.sampled_from([*CELLS]), seed=st.integers(0, 100), max_length=st.integers(1, 8))
@settings(max_examples=20)
def test_sequences_of_different_lengths_run_as_each_would_alone(name, seed, max_length):
    torch.manual_seed(seed)
    layer = RecurrentLayer(name, 2, 5)
    lengths = torch.randint(1, max_length + 1, (4,))
    inputs = torch.randn(4, max_length, 2)
    for row, length in enumerate(lengths):
        inputs[row, length:] = float("nan")  # ignored
    output = layer(inputs, lengths=lengths)
    loss = sum(part.sum() for part in output.final_state)
    gradients = torch.autograd.grad(loss, [*layer.parameters()], allow_unused=True, materialize_grads=True)
    assert all(gradient.isfinite().all() for gradient in gradients)
    for row, length in enumerate(lengths.tolist()):
        alone = layer(inputs[row : row + 1, :length])
        for padded, single in zip(output.states, alone.states, strict=True):
            torch.testing.assert_close(padded[row, :length], single[0])
            assert not padded[row, length:].any()
        for batch, single in zip(output.final_state, alone.final_state, strict=True):
            torch.testing.assert_close(batch[row], single[0])


@pytest.mark.parametrize("lengths", [[0, 3], [2, 4]])
def test_a_length_below_1_or_above_the_steps_is_refused(lengths):
    with pytest.raises(ValueError, match=r"must be between 1 and 3, the steps of inputs"):
        RecurrentLayer("lstm", 2, 5)(torch.zeros(2, 3, 2), lengths=torch.tensor(lengths))


@pytest.mark.parametrize("engine", CPU_ENGINES)
def test_a_state_that_grows_without_bound_leaves_the_gradients_of_shorter_sequences_finite(engine):
    cell = Cell(lambda x_proj, h_proj, state: (torch.relu(x_proj + h_proj),), gates=("h",))
    layer = RecurrentLayer(cell, 1, 2, engine=engine)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.fill_(3.0)
    inputs, lengths, reset_mask = torch.ones(2, 60, 1), torch.tensor([3, 1]), torch.zeros(2, 60, dtype=torch.bool)
    gradients = []
    for options in ({"lengths": lengths}, {"lengths": lengths, "reset_mask": reset_mask}):
        output = layer(inputs, **options)
        gradients.append(torch.autograd.grad(output.final_state[0].sum(), [*layer.parameters()]))
    short = layer(inputs[:, :3]).states[0]
    expected = torch.autograd.grad(short[0, 2].sum() + short[1, 0].sum(), [*layer.parameters()])
    for actual in gradients:
        torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize("engine", CPU_ENGINES)
def test_a_learned_initial_state_starts_at_zero_and_gets_a_gradient(engine):
    torch.manual_seed(0)
    layer = RecurrentLayer("lstm", 2, 5, engine=engine, learn_initial_state=True)
    inputs = torch.randn(4, 3, 2)
    output = layer(inputs)
    from_zero = run_engine(engine, layer.cell, layer.weights, inputs)
    torch.testing.assert_close(output.final_state, from_zero.final_state)
    output.final_state[0].sum().backward()
    assert all(part.grad.abs().sum() > 0 for part in layer.initial_state.values())
    with torch.no_grad():
        layer.initial_state["h"].fill_(0.5)
        layer.initial_state["c"].fill_(-1.0)
    state = (torch.full((4, 5), 0.5), torch.full((4, 5), -1.0))
    torch.testing.assert_close(layer(inputs).final_state, layer(inputs, state).final_state)


@pytest.mark.parametrize("name", CELLS)
def test_weights_are_uniform_within_one_over_the_root_of_the_hidden_size(name):
    torch.manual_seed(0)
    layer = RecurrentLayer(name, 10, 100)
    for weight in layer.parameters():
        assert weight.abs().max() <= 0.1
    weights = torch.cat([weight.flatten() for weight in layer.parameters()])
    assert weights.abs().mean().item() == pytest.approx(0.05, abs=1e-3)  # 11,000 weights or more: 4 standard errors


def test_the_classifier_reads_the_final_hidden_state():
    torch.manual_seed(0)
    model = SequenceClassifier("lstm", 2, 5, 10)
    inputs = torch.randn(4, 6, 2)
    torch.testing.assert_close(model(inputs), model.head(model.recurrent(inputs).states[0][:, -1]))


def test_an_unknown_engine_is_refused_with_the_closest_name():
    with pytest.raises(ConfigError, match="unknown 'nativ'; did you mean 'native'"):
        RecurrentLayer("lstm", 2, 5, engine="nativ")(torch.zeros(2, 3, 2))


INPUTS, STATE = torch.zeros(4, 3, 2), torch.zeros(4, 5)

REFUSED = {
    "inputs: must be a tensor [B, T, I] with at least one step and I = input_size = 2, not torch.float32 [4, 3, 9]": (
        torch.zeros(4, 3, 9),
    ),
    "inputs: must be a tensor [B, T, I] with at least one step and I = input_size = 2, not torch.float32 [4, 0, 2]": (
        torch.zeros(4, 0, 2),
    ),
    "inputs: are torch.float64, but the layer torch.float32; convert one of them with .to()": (INPUTS.double(),),
    "inputs: are on meta, but the layer on cpu; move one of them with .to()": (INPUTS.to("meta"),),
    "inputs: are torch.float32, but state torch.float64; convert one of them with .to()": (
        INPUTS,
        (STATE, STATE.double()),
    ),
    "state: must be a tuple of tensors (h, c), not tuple of 1": (INPUTS, (STATE,)),
    "state: h must be a tensor [B, H] = [4, 5], not torch.float32 [1, 5]": (INPUTS, (STATE[:1], STATE)),
    "state: c must be a tensor [B, H] = [4, 5], not torch.float32 [4, 6]": (INPUTS, (STATE, torch.zeros(4, 6))),
}


@pytest.mark.parametrize("message", REFUSED)
def test_arguments_that_do_not_fit_the_layer_are_refused_in_one_line(message):
    layer = RecurrentLayer("lstm", 2, 5)
    for call in (layer, layer.final_state):
        with pytest.raises(ConfigError) as error:
            call(*REFUSED[message])
        assert str(error.value) == message


@pytest.mark.parametrize("engine", ["auto", *CPU_ENGINES])
def test_a_batch_without_sequences_has_no_states_and_gradients_of_zero(engine):
    model = SequenceClassifier("lstm", 2, 5, 10, engine=engine, learn_initial_state=True)
    inputs = torch.zeros(0, 3, 2)
    logits = model(inputs)
    assert logits.shape == (0, 10)
    logits.sum().backward()
    assert all(weight.grad is None or not weight.grad.any() for weight in model.parameters())
    with torch.no_grad():
        assert model(inputs).shape == (0, 10)
    lengths, reset_mask = torch.zeros(0, dtype=torch.int64), torch.zeros(0, 3, dtype=torch.bool)
    output = model.recurrent(inputs, lengths=lengths, reset_mask=reset_mask)
    assert [part.shape for part in output.states] == [(0, 3, 5)] * 2
    assert [part.shape for part in output.final_state] == [(0, 5)] * 2


def test_under_autocast_inputs_and_state_are_converted_to_the_dtype_of_the_weights():
    torch.manual_seed(0)
    layer = RecurrentLayer("lstm", 2, 5).double()
    inputs, state = torch.randn(4, 3, 2), (torch.randn(4, 5), torch.randn(4, 5))
    expected = layer(inputs.double(), tuple(part.double() for part in state))
    with torch.autocast("cpu", torch.bfloat16):
        actual = layer(inputs, state)
        final_state = layer.final_state(inputs, state)
    torch.testing.assert_close(actual.states, expected.states)
    torch.testing.assert_close(final_state, expected.final_state)
