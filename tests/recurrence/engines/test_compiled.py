import itertools

import pytest
import torch
from engine_cases import ALL_CELLS, SINE, SMALL, Shape, assert_equals_reference, random_case

from palingen.recurrence.cells import CELLS
from palingen.recurrence.engines import compiled
from palingen.recurrence.engines.compiled_step import compiled_kernels


@pytest.mark.parametrize("name", ALL_CELLS)
@pytest.mark.parametrize("shape", [Shape(1, 1, 1, 1), SMALL])
def test_outputs_and_gradients_equal_those_of_the_reference_in_float64(name, shape):
    cell = ALL_CELLS[name]
    for seed, (state, only_final, recompute) in enumerate(itertools.product((False, True), repeat=3)):
        case = random_case(cell, shape, seed, state=state)
        assert_equals_reference("compiled", cell, case, only_final=only_final, recompute=recompute)


def test_it_supports_every_cell():
    assert compiled.unsupported_reason(SINE, torch.zeros(1, 1, 1)) is None


def test_a_longer_sequence_needs_no_further_compilation():
    cell = CELLS["rnn"]
    assert_equals_reference("compiled", cell, random_case(cell, Shape(B=2, T=2, I=1, H=3)))
    before = compiled_kernels.cache_info().misses
    for steps in (9, 33):
        assert_equals_reference("compiled", cell, random_case(cell, Shape(B=2, T=steps, I=1, H=3)))
    assert compiled_kernels.cache_info().misses == before


@pytest.mark.parametrize(
    ("steps", "recompute", "chunks"), [(10, False, [10]), (10, True, [3, 3, 3, 1]), (1, True, [1])]
)
def test_recomputed_sequences_are_divided_into_chunks_of_sqrt_t_steps(steps, recompute, chunks):
    ranges = compiled._chunks(steps, recompute)
    assert [len(chunk) for chunk in ranges] == chunks
    assert [step for chunk in ranges for step in chunk] == list(range(steps))
