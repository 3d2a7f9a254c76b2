import pytest
import torch
from engine_cases import SMALL, random_case

from palingen.recurrence.cells import CELLS
from palingen.recurrence.engines import reference
from palingen.recurrence.unroll import unroll


@pytest.mark.parametrize("steps", [1, 2, 9, 10])
def test_the_chunks_of_a_recomputed_run_are_joined_without_a_seam(steps):
    cell = CELLS["lstm"]
    case = random_case(cell, SMALL._replace(T=steps))
    expected = unroll(cell, case.weights, case.inputs, case.state)
    actual = reference.run(cell, case.weights, case.inputs, case.state, None, recompute=True)
    for one, other in zip(
        (*expected.states, *expected.final_state), (*actual.states, *actual.final_state), strict=True
    ):
        torch.testing.assert_close(other, one, rtol=1e-6, atol=1e-6)


def test_recomputing_runs_every_step_once_more_in_the_backward_pass():
    cell, steps = CELLS["rnn"], []

    def counted(*arguments):
        steps.append(1)
        return cell.step(*arguments)

    case = random_case(cell, SMALL._replace(T=9))
    output = reference.run(type(cell)(counted, cell.gates), case.weights, case.inputs, case.state, None, recompute=True)
    assert len(steps) == 9
    output.final_state[0].sum().backward()
    assert len(steps) == 18
