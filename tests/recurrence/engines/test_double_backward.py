import pytest
import torch
from engine_cases import ALL_CELLS, FAST_ENGINES, LEAKY, Shape, random_case

from palingen.recurrence.engines import run_engine
from palingen.recurrence.engines.double_backward import pack, unpack


@pytest.mark.parametrize(("engine", "name"), FAST_ENGINES)
def test_second_derivatives_are_those_of_the_reference(engine, name):
    cell = ALL_CELLS[name]
    case = random_case(cell, Shape(B=2, T=3, I=2, H=4))
    results = []
    for engine_name in ("reference", engine):
        output = run_engine(engine_name, cell, case.weights, case.inputs, case.state)
        (gradient,) = torch.autograd.grad(output.states[0].square().sum(), case.inputs, create_graph=True)
        results.append(torch.autograd.grad(gradient.square().sum(), [case.inputs, case.weights.weight_hh, *case.state]))
    for expected, actual in zip(*results, strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)  # float32, sums of sums


def test_second_derivatives_respect_resets():
    case = random_case(LEAKY)
    reset_mask = torch.zeros(case.inputs.shape[:2], dtype=torch.bool)
    reset_mask[:, 4] = True
    output = run_engine("native", LEAKY, case.weights, case.inputs, case.state, reset_mask)
    (gradient,) = torch.autograd.grad(output.final_state[0].square().sum(), case.inputs, create_graph=True)
    (second,) = torch.autograd.grad(gradient.square().sum(), case.inputs)
    assert not second[:, :4].any()
    assert second[:, 4:].any()


@pytest.mark.parametrize("state", [False, True])
@pytest.mark.parametrize("cell", ALL_CELLS.values(), ids=ALL_CELLS)
def test_unpack_inverts_pack(cell, state):
    case = random_case(cell, state=state)
    inputs, initial, weights = unpack(cell, pack(case.inputs, case.state or (), case.weights))
    assert inputs is case.inputs
    assert initial == (case.state or ())
    assert weights == case.weights
