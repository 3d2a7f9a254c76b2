import itertools

import pytest
import torch
from engine_cases import ALL_CELLS, Shape, assert_equals_reference, random_case
from hypothesis import given, settings
from hypothesis import strategies as st

from palingen.recurrence.cells import CELLS, Cell
from palingen.recurrence.engines import native

shapes = st.builds(Shape, st.integers(1, 9), st.integers(1, 7), st.integers(1, 5), st.integers(1, 35))


@pytest.mark.parametrize("cell", ALL_CELLS.values(), ids=ALL_CELLS)
def test_every_cell_is_supported(cell):
    assert native.unsupported_reason(cell, torch.zeros(1, 1, 1)) is None


@pytest.mark.parametrize("name", ALL_CELLS)
@given(shape=shapes, seed=st.integers(0, 1000), state=st.booleans(), only_final=st.booleans(), recompute=st.booleans())
@settings(max_examples=30)
def test_outputs_and_gradients_equal_those_of_the_reference(name, shape, seed, state, only_final, recompute):
    cell = ALL_CELLS[name]
    case = random_case(cell, shape, seed, state=state)
    assert_equals_reference("native", cell, case, only_final=only_final, recompute=recompute)


@pytest.mark.parametrize("hidden_size", [1, 15, 16, 17, 33])
def test_units_that_only_pad_a_vector_do_not_matter(hidden_size):
    def nan_at_zero(x_proj, h_proj, state):
        total = x_proj + h_proj
        return (torch.tanh(total * (total / total)),)  # 0 / 0 in the padding

    cell = Cell(nan_at_zero, gates=("h",))
    assert_equals_reference("native", cell, random_case(cell, Shape(B=3, T=4, I=2, H=hidden_size)))


def test_gradients_of_a_subset_of_the_arguments_equal_those_of_all():
    cell = CELLS["gru"]
    case = random_case(cell)

    def gradients(arguments):
        output = native.run(cell, case.weights, case.inputs, case.state, None)
        return torch.autograd.grad(output.final_state[0].sum(), arguments)

    every = gradients(case.leaves)
    for index, leaf in enumerate(case.leaves):
        assert torch.equal(gradients([leaf])[0], every[index])


def every_operation(x_proj, h_proj, state):
    """Step of all operations that the native engine supports."""
    h, c = state
    a, b, d = (x_proj + h_proj).chunk(3, dim=-1)
    e = torch.relu(a) + torch.expm1(-(a * a)) + torch.exp(-(b**2))
    f = 1 - torch.sigmoid(d) / (2 + torch.tanh(b) * h) + 0.5 * torch.reciprocal(3 + c * c) - torch.ones_like(h)
    both = torch.cat([e, f], dim=-1)
    first, second = both[:, : h.shape[-1]], both[:, -h.shape[-1] :]
    return 0.5 * torch.tanh(first) + 0 * torch.zeros_like(h), 0.5 * torch.tanh(second) + 0.1 * c.detach()


def test_every_supported_operation_equals_that_of_torch():
    cell = Cell(every_operation, gates=("a", "b", "d"), state=("h", "c"))
    assert native.unsupported_reason(cell, torch.zeros(1, 1, 1)) is None
    for seed, recompute in itertools.product(range(3), (False, True)):
        case = random_case(cell, Shape(B=3, T=4, I=2, H=21), seed)
        assert_equals_reference("native", cell, case, recompute=recompute)
