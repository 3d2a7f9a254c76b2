"""Steps of which a trace, or a second computation, would be another step."""

import pytest
import torch
from engine_cases import SMALL, ZONEOUT, random_case

from palingen.recurrence.cells import CELLS, Cell
from palingen.recurrence.engines import resolve_engine, run_engine, triton
from palingen.recurrence.engines.tracing import untraceable_reason
from palingen.recurrence.unroll import unroll
from palingen.runtime.errors import ConfigError

LONG = torch.zeros(2, 100, 1)


@pytest.mark.parametrize("name", CELLS)
def test_the_cells_of_the_package_may_be_traced(name):
    assert untraceable_reason(CELLS[name]) is None


@pytest.mark.parametrize("engine", ["native", "compiled"])
def test_a_step_that_draws_random_numbers_is_refused_in_one_line(engine):
    message = rf"^engine='{engine}': the step draws random numbers \(aten\.rand_like\.default\), which its gradient"
    with pytest.raises(ConfigError, match=message) as error:
        resolve_engine(engine, ZONEOUT, LONG)
    assert len(str(error.value).splitlines()) == 1


def test_triton_refuses_it_too():
    assert "random numbers" in triton.engine._unsupported_cell(ZONEOUT)


@pytest.mark.parametrize("steps", [SMALL.T, 60])
def test_the_gradient_of_a_random_step_under_auto_is_that_of_the_numbers_in_its_forward_pass(steps):
    case = random_case(ZONEOUT, SMALL._replace(T=steps))
    assert resolve_engine("auto", ZONEOUT, case.inputs) == "reference"
    results = []
    for run in (
        lambda: unroll(ZONEOUT, case.weights, case.inputs, case.state),
        lambda: run_engine("auto", ZONEOUT, case.weights, case.inputs, case.state),
    ):
        torch.manual_seed(1)
        states = run().states
        torch.manual_seed(2)
        results.append([*states, *torch.autograd.grad(states[0].sum(), case.leaves)])
    torch.testing.assert_close(*results)


def test_the_inspection_of_a_random_step_leaves_the_random_generator_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    untraceable_reason.__wrapped__(ZONEOUT)  # not from its cache
    assert torch.equal(torch.get_rng_state(), before)


def branching(x_proj, h_proj, state):
    return (torch.tanh(x_proj + h_proj) if x_proj.sum() > 0 else state[0],)


def checking(x_proj, h_proj, state):
    if not torch.isfinite(x_proj).all():
        raise ValueError("x_proj: not finite")
    return (torch.tanh(x_proj + h_proj),)


def seven_units(x_proj, h_proj, state):
    return (torch.tanh(x_proj + h_proj + torch.ones(7)),)


UNTRACEABLE = {
    branching: r"the step cannot be traced \(it branches on the values of a tensor\)",
    checking: r"the step cannot be traced \(it branches on the values of a tensor\)",
    seven_units: r"the step cannot be traced \(RuntimeError: The size of tensor a \(5\)",
}


@pytest.mark.parametrize("step", UNTRACEABLE)
@pytest.mark.parametrize("length", [7, 60])
def test_auto_runs_a_step_that_cannot_be_traced_on_the_reference_and_others_refuse_it(step, length):
    cell = Cell(step, gates=("h",))
    case = random_case(cell, SMALL._replace(T=length, H=7))
    output = run_engine("auto", cell, case.weights, case.inputs, case.state)
    assert torch.equal(output.states[0], unroll(cell, case.weights, case.inputs, case.state).states[0])
    for engine in ("native", "compiled"):
        with pytest.raises(ConfigError, match=f"^engine='{engine}': {UNTRACEABLE[step]}") as error:
            resolve_engine(engine, cell, case.inputs)
        assert len(str(error.value)) < 250
        assert len(str(error.value).splitlines()) == 1
