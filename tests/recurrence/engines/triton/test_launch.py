import itertools

import pytest

from palingen.recurrence.engines.triton.launch import (
    MAX_WEIGHTS,
    MIN_COLUMNS,
    ROWS,
    LaunchPlan,
    wait_constraints,
    wait_instructions,
)


@pytest.mark.parametrize(
    ("B", "H", "group"), [*itertools.product((1, 16, 100, 1000), (1, 33, 128, 256, 512), (1, 4, 8))]
)
def test_every_unit_of_every_sequence_has_one_program_and_all_programs_of_a_launch_run_at_once(B, H, group):
    plan = LaunchPlan(B, H, group, multiprocessors=132)
    assert plan.parts * plan.units == plan.padded >= H
    assert plan.units * group >= MIN_COLUMNS
    assert plan.units * group * plan.padded <= MAX_WEIGHTS
    tiles = [tile for tiles in plan.tile_groups() for tile in tiles]
    assert tiles == list(range(-(-B // ROWS)))
    assert all(len(tiles) * plan.parts <= 132 for tiles in plan.tile_groups())
    assert plan.pack * 32 * plan.warps == ROWS * plan.padded


def test_few_sequences_are_computed_by_many_programs_of_few_units():
    assert [LaunchPlan(B, 128, 4, 132).units for B in (16, 64, 128)] == [4, 4, 8]


def test_more_hidden_units_than_fit_into_the_registers_of_all_programs_are_refused():
    with pytest.raises(ValueError, match=r"^2048 hidden units need more than this device's 132 multiprocessors$"):
        LaunchPlan(16, 2048, 4, 132)


def test_waiting_loads_all_numbers_before_it_compares_any():
    instructions = wait_instructions(2)
    order = [instructions.index(text) for text in ("$0, [$2]", "$1, [$3]", "$0, $4", "$1, $4", "bra WAIT")]
    assert order == sorted(order)
    assert wait_constraints(2) == "=&r,=&r,l,l,r,r"
