import pytest
import torch
from engine_cases import ALL_CELLS, SMALL, random_case

from palingen.recurrence.unroll import unroll

every_cell = pytest.mark.parametrize("cell", ALL_CELLS.values(), ids=ALL_CELLS)


@every_cell
@pytest.mark.parametrize("state", [False, True])
def test_every_state_is_one_step_of_the_cell_after_the_one_before(cell, state):
    case = random_case(cell, state=state)
    weights = case.weights
    output = unroll(cell, weights, case.inputs, case.state)
    current = case.state or (torch.zeros(SMALL.B, SMALL.H),) * len(cell.state)
    for t in range(SMALL.T):
        x_proj = case.inputs[:, t] @ weights.weight_ih.T + weights.bias
        current = cell.step(x_proj, current[0] @ weights.weight_hh.T, current, *weights.extra)
        torch.testing.assert_close(tuple(part[:, t] for part in output.states), current)
    torch.testing.assert_close(output.final_state, current)


@every_cell
def test_a_sequence_in_two_pieces_ends_like_the_whole(cell):
    case = random_case(cell)
    unsplit = unroll(cell, case.weights, case.inputs, case.state)
    first = unroll(cell, case.weights, case.inputs[:, :3], case.state)
    second = unroll(cell, case.weights, case.inputs[:, 3:], first.final_state)
    torch.testing.assert_close(second.final_state, unsplit.final_state)
    for part in range(len(cell.state)):
        torch.testing.assert_close(torch.cat([first.states[part], second.states[part]], dim=1), unsplit.states[part])


@every_cell
def test_a_reset_before_a_step_starts_from_zero(cell):
    case = random_case(cell)
    reset_mask = torch.zeros(SMALL.B, SMALL.T, dtype=torch.bool)
    reset_mask[1, 4] = True
    reset, plain = (unroll(cell, case.weights, case.inputs, case.state, mask) for mask in (reset_mask, None))
    from_zero = unroll(cell, case.weights, case.inputs[1:2, 4:])
    torch.testing.assert_close(tuple(part[1:2] for part in reset.final_state), from_zero.final_state)
    for row in (0, 2):
        torch.testing.assert_close(reset.states[0][row], plain.states[0][row])


def test_the_weight_gradients_of_a_batch_are_the_sum_over_its_sequences():
    cell = ALL_CELLS["lstm"]
    case = random_case(cell, state=False)

    def gradient(inputs):
        return torch.autograd.grad(unroll(cell, case.weights, inputs).final_state[0].sum(), case.weights.weight_hh)[0]

    separate = [gradient(case.inputs[row : row + 1]) for row in range(SMALL.B)]
    torch.testing.assert_close(gradient(case.inputs), torch.stack(separate).sum(0))
