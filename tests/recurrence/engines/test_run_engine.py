"""Facts that hold for every engine: each equals the reference, gradients included."""

import pytest
import torch
from engine_cases import (
    ALL_CELLS,
    CPU_ENGINES,
    FAST_ENGINES,
    LEAKY,
    SMALL,
    TOLERANCE,
    Shape,
    assert_equals_reference,
    random_case,
)

from palingen.recurrence.cells import CELLS, Cell
from palingen.recurrence.engines import run_engine
from palingen.recurrence.unroll import unroll

every_fast_engine = pytest.mark.parametrize(("engine", "name"), FAST_ENGINES)


@every_fast_engine
def test_a_hundred_steps_in_float32_stay_within_the_tolerance(engine, name):
    cell = ALL_CELLS[name]
    case = random_case(cell, SMALL._replace(T=100))
    assert_equals_reference(engine, cell, case, dtype=torch.float32)


@every_fast_engine
def test_a_large_layer_on_several_threads_equals_the_reference(engine, name):
    torch.set_num_threads(2)
    cell = ALL_CELLS[name]
    assert_equals_reference(engine, cell, random_case(cell, Shape(B=37, T=5, I=10, H=128)))


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize(("engine", "name"), [*FAST_ENGINES, ("reference", "lstm")])
def test_a_reset_removes_the_influence_of_everything_before_it(engine, name, recompute):
    cell = ALL_CELLS[name]
    reset_mask = torch.rand(SMALL.B, SMALL.T, generator=torch.Generator().manual_seed(0)) < 0.3
    reset_mask[0, 3], reset_mask[1, 0] = True, True
    for state in (False, True):
        case = random_case(cell, seed=1, state=state)
        assert_equals_reference(engine, cell, case, reset_mask=reset_mask, recompute=recompute)
    output = run_engine(engine, cell, case.weights, case.inputs, case.state, reset_mask, recompute=recompute)
    from_reset = unroll(cell, case.weights, case.inputs[:1, 3:], None, reset_mask[:1, 3:])
    tolerance = TOLERANCE[torch.float32]
    torch.testing.assert_close(output.final_state[0][:1], from_reset.final_state[0], rtol=tolerance, atol=tolerance)


@every_fast_engine
def test_memory_order_of_inputs_weights_and_gradients_does_not_matter(engine, name):
    cell = ALL_CELLS[name]
    case = random_case(cell)
    weights = case.weights
    inputs = case.inputs.detach().permute(2, 1, 0).contiguous().permute(2, 1, 0)
    transposed = weights._replace(
        weight_hh=weights.weight_hh.T.contiguous().T, weight_ih=weights.weight_ih.T.contiguous().T
    )
    assert not inputs.is_contiguous()
    state = tuple(part.T.contiguous().T for part in case.state)
    plain = run_engine(engine, cell, weights, case.inputs, case.state)
    other = run_engine(engine, cell, transposed, inputs, state)
    tolerance = TOLERANCE[torch.float32]
    for expected, actual in zip((*plain.states, *plain.final_state), (*other.states, *other.final_state), strict=True):
        torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)
    d_hidden = torch.randn(SMALL.H, SMALL.T, SMALL.B).permute(2, 1, 0)
    (expected,) = torch.autograd.grad(plain.states[0], weights.weight_hh, d_hidden)
    (actual,) = torch.autograd.grad(other.states[0], weights.weight_hh, d_hidden.contiguous())
    torch.testing.assert_close(actual, expected, rtol=10 * tolerance, atol=tolerance)


@every_fast_engine
def test_two_backward_passes_through_a_retained_graph_give_equal_gradients(engine, name):
    cell = ALL_CELLS[name]
    case = random_case(cell)
    loss = run_engine(engine, cell, case.weights, case.inputs, case.state).final_state[0].square().sum()
    first = torch.autograd.grad(loss, case.leaves, retain_graph=True)
    second = torch.autograd.grad(loss, case.leaves)
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-6)  # the second pass recomputes


@every_fast_engine
def test_two_graphs_at_the_same_time_do_not_disturb_each_other(engine, name):
    cell = ALL_CELLS[name]
    case = random_case(cell)
    batches = [case.inputs, random_case(cell, seed=1).inputs]

    def run(inputs):
        return run_engine(engine, cell, case.weights, inputs, case.state)

    def gradient(output):
        return torch.autograd.grad(output.final_state[0].sum(), case.weights.weight_hh)[0]

    separate = [gradient(run(inputs)) for inputs in batches]
    outputs = [run(inputs) for inputs in batches]
    assert all(torch.equal(gradient(output), alone) for output, alone in zip(outputs, separate, strict=True))


@every_fast_engine
def test_outputs_without_gradients_are_those_with_gradients(engine, name):
    cell = ALL_CELLS[name]
    case = random_case(cell)
    expected = run_engine(engine, cell, case.weights, case.inputs, case.state)
    with torch.no_grad():
        actual = run_engine(engine, cell, case.weights, case.inputs, case.state)
    assert torch.equal(actual.states[0], expected.states[0])
    assert expected.states[0].requires_grad
    assert not actual.states[0].requires_grad


@pytest.mark.parametrize("engine", ["native", "compiled"])
def test_changing_the_states_in_place_is_an_error_of_the_backward_pass(engine):
    case = random_case(CELLS["lstm"])
    output = run_engine(engine, CELLS["lstm"], case.weights, case.inputs, case.state)
    with torch.no_grad():
        output.states[0].mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.final_state[0].sum().backward()


def test_changing_the_states_of_the_reference_in_place_leaves_the_gradients_right():
    case = random_case(CELLS["lstm"])
    gradients = []
    for factor in (1, 2):
        output = run_engine("reference", CELLS["lstm"], case.weights, case.inputs, case.state)
        with torch.no_grad():
            output.states[0].mul_(factor)  # the states are stacked copies
        gradients.append(torch.autograd.grad(output.final_state[0].sum(), case.leaves))
    assert all(torch.equal(one, other) for one, other in zip(*gradients, strict=True))


@every_fast_engine
def test_under_autocast_a_fast_engine_computes_in_the_dtype_of_its_weights(engine, name):
    cell = ALL_CELLS[name]
    case = random_case(cell)
    plain = outputs_and_gradient(engine, cell, case)
    with torch.autocast("cpu", torch.bfloat16):
        autocast = outputs_and_gradient(engine, cell, case)
    assert all(torch.equal(one, other) for one, other in zip(plain, autocast, strict=True))


def test_under_autocast_the_compiled_engine_converts_bfloat16_inputs_to_the_dtype_of_its_weights():
    case = random_case(CELLS["lstm"])
    rounded = case._replace(inputs=case.inputs.detach().bfloat16().requires_grad_())
    plain = outputs_and_gradient("compiled", CELLS["lstm"], case._replace(inputs=rounded.inputs.detach().float()))
    with torch.autocast("cpu", torch.bfloat16):
        autocast = outputs_and_gradient("compiled", CELLS["lstm"], rounded)
    assert all(torch.equal(one, other) for one, other in zip(plain, autocast, strict=True))


def test_under_autocast_the_reference_computes_in_bfloat16():
    case = random_case(CELLS["rnn"])
    with torch.autocast("cpu", torch.bfloat16):
        autocast = run_engine("reference", CELLS["rnn"], case.weights, case.inputs, case.state)
    rounded = case.to(torch.bfloat16)
    expected = unroll(CELLS["rnn"], rounded.weights, rounded.inputs, rounded.state)
    assert autocast.final_state[0].dtype == torch.bfloat16
    assert torch.equal(autocast.final_state[0], expected.final_state[0])


def test_auto_rounds_where_the_step_changes_the_dtype():
    cell = Cell(lambda x, h, state: (torch.tanh(x + h).bfloat16().float(),), gates=("h",))
    case = random_case(cell)
    (states,) = run_engine("auto", cell, case.weights, case.inputs, case.state).states
    assert torch.equal(states, states.bfloat16().float())


def outputs_and_gradient(engine, cell, case):
    output = run_engine(engine, cell, case.weights, case.inputs, case.state)
    (gradient,) = torch.autograd.grad(output.final_state[0].sum(), case.weights.weight_hh)
    assert output.final_state[0].dtype == torch.float32
    return [*output.states, *output.final_state, gradient]


@pytest.mark.parametrize("engine", CPU_ENGINES)
def test_recomputing_gives_the_gradients_of_storing(engine):
    cell = CELLS["lstm"]
    case = random_case(cell, SMALL._replace(T=10))
    results = []
    for recompute in (False, True):
        output = run_engine(engine, cell, case.weights, case.inputs, case.state, recompute=recompute)
        results.append(torch.autograd.grad(output.final_state[0].sum(), case.leaves))
    for stored, recomputed in zip(*results, strict=True):
        torch.testing.assert_close(recomputed, stored, rtol=1e-5, atol=1e-6)


def test_compiling_a_cell_leaves_the_random_generator_alone():
    def scaled(x_proj, h_proj, state):  # compiled nowhere else
        return (0.75 * torch.tanh(x_proj + h_proj),)

    torch.manual_seed(0)
    before = torch.get_rng_state()
    for engine in ("native", "compiled"):
        run_engine(engine, Cell(scaled, gates=("h",)), random_case(LEAKY).weights, torch.zeros(3, 2, 2))
    assert torch.equal(torch.get_rng_state(), before)
