import pytest
import torch
from engine_cases import ALL_CELLS, Shape, assert_equals_reference, outputs_and_gradients, random_case

from palingen.recurrence.cells import CELLS
from palingen.recurrence.engines import native, run_engine

FEW = [Shape(B=1, T=5, I=3, H=130), Shape(B=3, T=4, I=2, H=97)]
"""Sequences that leave threads idle, and units for all of them, some of which only pad a vector."""


@pytest.mark.parametrize("shape", FEW)
@pytest.mark.parametrize("name", ALL_CELLS)
def test_units_divided_among_threads_give_the_results_of_the_reference(name, shape):
    torch.set_num_threads(3)
    cell = ALL_CELLS[name]
    for recompute in (False, True):
        assert_equals_reference("native", cell, random_case(cell, shape), recompute=recompute)


@pytest.mark.parametrize("shape", FEW)
def test_units_divided_among_threads_give_the_bits_of_one_thread(shape):
    """A unit's sums are those of one thread, in the same order."""
    cell = CELLS["lstm"]
    case = random_case(cell, shape)
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append(outputs_and_gradients("native", cell, case))
    assert all(torch.equal(a, b) for other in results[1:] for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize("length", [1, 2, 3, 60])
def test_weight_gradients_of_several_steps_at_once_are_those_of_the_reference(length):
    """One sequence has up to 256 steps in a product, 100 sequences two."""
    cell = CELLS["gru"]
    for sequences in (1, 100):
        assert_equals_reference("native", cell, random_case(cell, Shape(B=sequences, T=length, I=2, H=20)))


@pytest.mark.parametrize("state", [False, True])
def test_without_gradients_the_hidden_states_are_the_same_bits(state):
    cell = CELLS["peephole"]
    case = random_case(cell, Shape(B=5, T=9, I=3, H=33), state=state)
    trained = run_engine("native", cell, case.weights, case.inputs, case.state)
    with torch.no_grad():
        initial = case.state and tuple(part.unsqueeze(0) for part in case.state)
        hidden, final_state = native.run_layer(cell, [case.weights], case.inputs.transpose(0, 1), initial)
    assert torch.equal(hidden, trained.states[0].transpose(0, 1))
    assert all(torch.equal(a[0], b) for a, b in zip(final_state, trained.final_state, strict=True))
