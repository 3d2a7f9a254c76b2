"""Behaviour of a stack in the hands of a user: gradients, modes, hooks, copies, replaced parameters, any cell."""

import copy

import pytest
import torch
from engine_cases import LEAKY, SINE
from nn_cases import as_tuple
from torch import nn, tanh
from torch.nn.utils import parametrizations
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

import palingen.nn
from palingen.recurrence.cells import CELLS, Cell
from palingen.recurrence.layers import RecurrentLayer

CLASSES = ("LSTM", "GRU", "RNN", "Peephole")


def two_part(x_proj, h_proj, state, decay):
    h, trace = state
    trace = decay * trace + h
    return tanh(x_proj + h_proj - trace), trace


TWO_PART = Cell(two_part, gates=("h",), state=("h", "trace"), extra_weights=("decay",))
ANY_CELL = {**CELLS, "leaky": LEAKY, "sine": SINE, "two parts": TWO_PART}


@pytest.mark.parametrize("name", ANY_CELL)
def test_a_stack_of_any_cell_is_one_layer_after_another_in_each_direction(name):
    stack = palingen.nn.RecurrentStack(ANY_CELL[name], 3, 5, 2, bidirectional=True)
    inputs = torch.randn(6, 4, 3)
    expected, finals = inputs, []
    for layer in range(2):
        outputs = []
        for suffix in ("", "_reverse"):
            single = RecurrentLayer(ANY_CELL[name], expected.shape[2], 5)
            end = f"_l{layer}{suffix}"
            weights = {extra: f"extra_weights.{extra}" for extra in single.cell.extra_weights}
            weights |= {"weight_ih": "weight_ih", "weight_hh": "weight_hh", "bias_ih": "bias"}
            single.load_state_dict({ours: stack.get_parameter(name + end) for name, ours in weights.items()})
            steps = expected.flip(0) if suffix else expected
            states, final = single(steps.transpose(0, 1))
            outputs.append(states[0].transpose(0, 1).flip(0) if suffix else states[0].transpose(0, 1))
            finals.append(final)
        expected = torch.cat(outputs, dim=2)
    output, hidden = stack(inputs)
    torch.testing.assert_close(output, expected)
    assert isinstance(hidden, tuple) == (len(finals[0]) > 1)
    for part, parts in zip(as_tuple(hidden), zip(*finals, strict=True), strict=True):
        torch.testing.assert_close(part, torch.stack(parts))


@pytest.mark.parametrize("name", ANY_CELL)
def test_packed_sequences_run_as_each_would_alone(name):
    stack = palingen.nn.RecurrentStack(ANY_CELL[name], 3, 5, 2, bidirectional=True)
    sequences = [torch.randn(length, 3) for length in (4, 1, 6)]
    output, hidden = stack(pack_sequence(sequences, enforce_sorted=False))
    padded, lengths = pad_packed_sequence(output)
    assert lengths.tolist() == [4, 1, 6]
    for index, sequence in enumerate(sequences):
        alone, final = stack(sequence)
        torch.testing.assert_close(padded[: len(sequence), index], alone)
        for part, alone_part in zip(as_tuple(hidden), as_tuple(final), strict=True):
            torch.testing.assert_close(part[:, index], alone_part)


def test_a_state_that_grows_without_bound_leaves_the_gradients_of_shorter_sequences_finite():
    layer = palingen.nn.RNN(1, 2, nonlinearity="relu")
    with torch.no_grad():
        for weight in layer.parameters():
            weight.fill_(3.0)
    packed = pack_sequence([torch.full((100, 1), -1e30), torch.ones(2, 1)])
    final = layer(packed)[1]
    final[:, 1].sum().backward()
    assert all(weight.grad.isfinite().all() for weight in layer.parameters())


@pytest.mark.parametrize("name", CLASSES)
def test_gradients_can_be_differentiated_again(name):
    layer = getattr(palingen.nn, name)(2, 3, bidirectional=True)
    inputs = torch.randn(4, 2, 2, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer(inputs)[0].square().sum(), inputs, create_graph=True)
    penalty = gradient.square().sum()
    actual = torch.autograd.grad(penalty, [*layer.parameters()])
    layer.engine = "reference"
    (gradient,) = torch.autograd.grad(layer(inputs)[0].square().sum(), inputs, create_graph=True)
    expected = torch.autograd.grad(gradient.square().sum(), [*layer.parameters()])
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", CLASSES)
def test_no_grad_and_inference_mode_give_the_outputs_of_training(name):
    layer, inputs = getattr(palingen.nn, name)(2, 3), torch.randn(4, 2, 2)
    expected = layer(inputs)[0]
    assert expected.requires_grad
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            output = layer(inputs)[0]
            assert not output.requires_grad
            assert torch.equal(output, expected)


def test_outputs_may_be_viewed_and_changed_in_place_as_torchs():
    for engine in ("auto", "reference"):
        layer = palingen.nn.LSTM(2, 3, engine=engine)
        output, (h, c) = layer(torch.randn(4, 2, 2))
        assert output.is_contiguous()
        loss = output.relu_().view(-1).sum() + h.mul_(2).sum() + c.add_(1).sum()
        loss.backward()
        assert layer.weight_hh_l0.grad.abs().sum() > 0


def test_dropout_acts_between_layers_in_training_only_and_on_the_given_share():
    layer = palingen.nn.RNN(1, 400, 2, dropout=0.3)
    with torch.no_grad():  # the first layer's outputs are all tanh(1), the second layer passes them on
        for weight in layer.parameters():
            weight.zero_()
        layer.bias_ih_l0.fill_(1.0)
        layer.weight_ih_l1.copy_(torch.eye(400))
    inputs = torch.zeros(10, 5, 1)
    dropped = (layer(inputs)[0] == 0).double().mean().item()
    assert dropped == pytest.approx(0.3, abs=4 * (0.3 * 0.7 / 20_000) ** 0.5)
    layer.eval()
    assert (layer(inputs)[0] != 0).all()


def test_replaced_parameters_are_used_at_the_next_call():
    layer, inputs = palingen.nn.GRU(2, 3), torch.randn(4, 2, 2)
    before = layer(inputs)[0]
    layer.weight_hh_l0 = nn.Parameter(layer.weight_hh_l0 * 2)
    replaced = layer(inputs)[0]
    assert not torch.allclose(replaced, before)
    functional = {name: weight * 3 for name, weight in layer.named_parameters()}
    called = torch.func.functional_call(layer, functional, (inputs,))[0]
    layer.load_state_dict(functional)
    torch.testing.assert_close(called, layer(inputs)[0])


def test_a_replica_as_dataparallel_makes_it_computes_with_its_own_weights():
    layer, inputs = palingen.nn.LSTM(2, 3), torch.randn(4, 2, 2)
    replica = layer._replicate_for_data_parallel()
    for name, weight in layer.named_parameters():  # tensors, not parameters, as in torch.nn.parallel.replicate
        setattr(replica, name, weight * 2)
    doubled = copy.deepcopy(layer)
    with torch.no_grad():
        for weight in doubled.parameters():
            weight.mul_(2)
    torch.testing.assert_close(replica(inputs)[0], doubled(inputs)[0])
    replica(inputs)[0].sum().backward()
    assert layer.weight_hh_l0.grad is not None


def test_weight_normalisation_of_the_recurrent_weights_trains():
    layer = parametrizations.weight_norm(palingen.nn.LSTM(2, 3), "weight_hh_l0")
    layer(torch.randn(4, 2, 2))[0].sum().backward()
    assert layer.parametrizations.weight_hh_l0.original1.grad.abs().sum() > 0


@pytest.mark.parametrize("name", CLASSES)
def test_copies_and_saved_weights_compute_alike(name, tmp_path):
    layer, inputs = getattr(palingen.nn, name)(2, 3, 2, bidirectional=True), torch.randn(4, 2, 2)
    expected = layer(inputs)[0]
    clone = copy.deepcopy(layer)
    assert torch.equal(clone(inputs)[0], expected)
    torch.save(layer.state_dict(), tmp_path / "weights.pt")
    loaded = getattr(palingen.nn, name)(2, 3, 2, bidirectional=True)
    loaded.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert torch.equal(loaded(inputs)[0], expected)
    layer.reset_parameters()
    assert not torch.equal(layer(inputs)[0], expected)
    assert torch.equal(clone(inputs)[0], expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("name", CLASSES)
def test_a_layer_of_another_dtype_computes_in_it(name, dtype):
    layer, inputs = getattr(palingen.nn, name)(2, 3), torch.randn(4, 2, 2)
    expected = layer(inputs)[0]
    output, hidden = layer.to(dtype)(inputs.to(dtype))
    assert {output.dtype, *(part.dtype for part in as_tuple(hidden))} == {dtype}
    torch.testing.assert_close(output.float(), expected, rtol=0.05, atol=0.05)
    output.sum().backward()
    assert layer.weight_hh_l0.grad.dtype == dtype


def test_under_autocast_a_layer_computes_in_the_dtype_of_its_weights():
    layer, inputs = palingen.nn.LSTM(2, 3), torch.randn(4, 2, 2)
    expected = layer(inputs.bfloat16().float())[0]
    with torch.autocast("cpu", torch.bfloat16):
        output = layer(inputs.bfloat16())[0]
    assert torch.equal(output, expected)


def test_hooks_see_inputs_outputs_and_gradients():
    layer, calls = palingen.nn.LSTM(2, 3), []
    layer.register_forward_pre_hook(lambda module, arguments: calls.append(len(arguments)))
    layer.register_forward_hook(lambda module, arguments, result: calls.append(result[0].shape))
    layer.register_full_backward_hook(lambda module, d_inputs, d_outputs: calls.append(d_inputs[0].shape))
    layer(torch.randn(4, 2, 2, requires_grad=True))[0].sum().backward()
    assert calls == [1, (4, 2, 3), (4, 2, 2)]


def test_a_batch_without_sequences_and_layers_without_memory_give_shapes():
    assert palingen.nn.LSTM(2, 3)(torch.zeros(4, 0, 2))[0].shape == (4, 0, 3)
    assert palingen.nn.LSTM(2, 3, device="meta")(torch.zeros(60, 5, 2, device="meta"))[0].shape == (60, 5, 3)
    layer = palingen.nn.LSTM(2, 3, device="meta").to_empty(device="cpu")
    layer.reset_parameters()
    assert layer(torch.zeros(4, 1, 2))[0].shape == (4, 1, 3)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_outputs_are_contiguous_and_may_be_changed_in_place_before_the_backward_pass(engine):
    layer = palingen.nn.LSTM(2, 3, engine=engine)
    inputs = torch.randn(4, 5, 2)
    layer(inputs)[0].sum().backward()
    gradients = [weight.grad.clone() for weight in layer.parameters()]
    layer.zero_grad()
    output, (h, c) = layer(inputs)
    assert output.is_contiguous()
    (output.mul_(2).sum() + 0 * (h.mul_(3).sum() + c.add_(1).sum())).backward()
    for weight, gradient in zip(layer.parameters(), gradients, strict=True):
        torch.testing.assert_close(weight.grad, 2 * gradient)
