import pytest
import torch
from engine_cases import ALL_CELLS, CPU_ENGINES, SMALL, TOLERANCE, ZONEOUT, random_case

from palingen.recurrence import segments
from palingen.recurrence.cells import CELLS, Cell
from palingen.recurrence.engines.double_backward import pack
from palingen.recurrence.layers import RecurrentLayer, SequenceClassifier
from palingen.recurrence.segments import run_final_state, segment_steps
from palingen.recurrence.unroll import unroll

STATED = [False, True]


def case_arguments(case):
    return case.weights, case.inputs, case.state


def final_and_gradients(run, case):
    """Final state, and the gradients of all arguments for a fixed gradient of it."""
    final = run(case)
    d_final = [torch.linspace(-1, 1, part.numel(), dtype=part.dtype).view(part.shape) for part in final]
    return [*final, *torch.autograd.grad(final, case.leaves, d_final, allow_unused=True, materialize_grads=True)]


@pytest.mark.parametrize("state", STATED)
@pytest.mark.parametrize("name", ALL_CELLS)
@pytest.mark.parametrize("engine", CPU_ENGINES)
def test_segments_have_the_final_state_and_the_gradients_of_the_whole_sequence(engine, name, state):
    cell = ALL_CELLS[name]
    dtype = torch.float32 if engine == "native" else torch.float64
    case = random_case(cell, state=state)
    expected = final_and_gradients(
        lambda case: unroll(cell, case.weights, case.inputs, case.state).final_state, case.to(torch.float64)
    )
    for steps in (1, 3, SMALL.T - 1):
        actual = final_and_gradients(
            lambda case, steps=steps: run_final_state(engine, cell, case.weights, case.inputs, case.state, steps),
            case.to(dtype),
        )
        for reference, result in zip(expected, actual, strict=True):
            assert result.shape == reference.shape
            assert (result - reference).abs().max() <= TOLERANCE[dtype] * max(1.0, reference.abs().max().item())


def test_segments_can_be_differentiated_twice():
    cell = CELLS["lstm"]
    case = random_case(cell, state=True).to(torch.float64)

    def penalty(final):
        gradients = torch.autograd.grad(sum(part.sum() for part in final), case.leaves, create_graph=True)
        return torch.autograd.grad(sum(gradient.square().sum() for gradient in gradients), case.leaves)

    segmented = penalty(run_final_state("reference", cell, *case_arguments(case), 2))
    of_all_steps = penalty(unroll(cell, *case_arguments(case)).final_state)
    torch.testing.assert_close(segmented, of_all_steps)


def test_autocast_holds_in_the_recomputed_segments():
    cell = CELLS["gru"]
    case = random_case(cell, state=True)
    gradients = []
    for steps in (2, SMALL.T):
        with torch.autocast("cpu", torch.bfloat16):
            final = run_final_state("reference", cell, *case_arguments(case), steps)
        gradients.append(torch.autograd.grad(final[0].float().sum(), case.leaves))  # outside autocast, as in training
    torch.testing.assert_close(*gradients, rtol=0.02, atol=0.02)  # bfloat16 rounds at 0.004


def test_a_long_run_of_a_random_step_has_the_gradient_of_the_numbers_in_its_forward_pass():
    case = random_case(ZONEOUT)
    results = []
    for run in (
        lambda: unroll(ZONEOUT, *case_arguments(case)).final_state,
        lambda: run_final_state("auto", ZONEOUT, *case_arguments(case), 2),
    ):
        torch.manual_seed(1)
        final = run()
        torch.manual_seed(2)
        results.append([*final, *torch.autograd.grad(final[0].sum(), case.leaves)])
    torch.testing.assert_close(*results)


def test_a_parameter_outside_the_step_gets_its_gradient_from_a_long_run():
    tau = torch.tensor(0.5, requires_grad=True)

    def scaled(x_proj, h_proj, state):
        return (tau * torch.tanh(x_proj + h_proj),)

    cell = Cell(scaled, gates=("h",))
    case = random_case(cell)
    gradients = [
        torch.autograd.grad(final[0].sum(), [tau, *case.leaves], allow_unused=True, materialize_grads=True)
        for final in (
            unroll(cell, *case_arguments(case)).final_state,
            run_final_state("auto", cell, *case_arguments(case), 2),
        )
    ]
    torch.testing.assert_close(*gradients)


def test_the_forward_pass_keeps_one_state_a_segment():
    cell, case = CELLS["lstm"], random_case(CELLS["lstm"], state=False)
    saved_shapes = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: saved_shapes.append(tensor.shape) or tensor, lambda x: x
    ):
        run_final_state("native", cell, *case_arguments(case), 2)
    arguments = [tensor.shape for tensor in pack(case.inputs, (), case.weights)]
    num_segments = -(-SMALL.T // 2)
    assert saved_shapes == arguments + [(num_segments, SMALL.B, SMALL.H)] * len(cell.state)


def test_values_are_stored_as_long_as_they_fit_and_else_divided_into_segments():
    lstm = CELLS["lstm"]
    assert segment_steps(lstm, 64, 10_000, 64, store=True) == 10_000
    assert segment_steps(lstm, 64, 100_000, 64, store=True) == segments.SEGMENT_VALUES // (64 * 64 * 4)
    assert segment_steps(lstm, 64, 10_000, 64, store=False) == segments.SEGMENT_VALUES // (64 * 64 * 4)
    assert segment_steps(lstm, 10**9, 5, 64, store=True) == 1


@pytest.mark.parametrize("learn_initial_state", [False, True])
def test_a_layer_that_recomputes_runs_in_segments_with_equal_gradients(monkeypatch, learn_initial_state):
    torch.manual_seed(0)
    model = SequenceClassifier("lstm", 2, 5, 10, learn_initial_state=learn_initial_state)
    inputs = torch.randn(4, 9, 2)
    gradients = []
    for recompute in (False, True):
        monkeypatch.setattr(segments, "SEGMENT_VALUES", 2 * 4 * 5 * 4)
        model.recurrent.recompute = recompute
        gradients.append(torch.autograd.grad(model(inputs).square().sum(), [*model.parameters()]))
    torch.testing.assert_close(*gradients)


def test_the_final_state_is_that_of_the_whole_output():
    torch.manual_seed(0)
    layer = RecurrentLayer("peephole", 2, 5)
    inputs, state = torch.randn(4, 9, 2), (torch.randn(4, 5), torch.randn(4, 5))
    torch.testing.assert_close(layer.final_state(inputs, state), layer(inputs, state).final_state)
