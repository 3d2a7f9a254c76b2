import inspect

import pytest
import torch
from engine_cases import LEAKY, SINE
from triton_emulator import emulated_kernels

from palingen.recurrence.cells import CELLS, Cell
from palingen.recurrence.engines.compiled_step import uses_only_sum
from palingen.recurrence.engines.native.layout_ops import UnsupportedOperationError
from palingen.recurrence.engines.triton.codegen import generate_kernels, group_size

CELLS_WITH_LEAKY = {**CELLS, "leaky": LEAKY}


def test_the_functions_of_the_rnn_are_its_equation_and_derivative():
    lines = [line.strip() for line in generate_kernels(CELLS["rnn"], only_sum=True).splitlines()]
    assert "v1 = tanh(sum_0)" in lines
    assert "return (v1,), (v1,)" in lines
    assert "v2 = d_next[0] * (1.0 - v1 * v1)" in lines
    assert "GATES = tl.constexpr(1)" in lines


@pytest.mark.parametrize("name", CELLS_WITH_LEAKY)
def test_generated_steps_and_gradients_equal_those_of_autograd(name):
    cell = CELLS_WITH_LEAKY[name]
    module, G = emulated_kernels(cell), len(cell.gates)
    x_proj, h_proj, *others = torch.randn(2 * G + 2 * len(cell.state) + len(cell.extra_weights), 3, 5).split(
        [G, G, len(cell.state), len(cell.extra_weights), len(cell.state)]
    )
    leaves = [*x_proj, *h_proj, *others[0], *others[1]]
    leaves = [leaf.clone().requires_grad_() for leaf in leaves]
    gates, state, extra = leaves[: 2 * G], leaves[2 * G :][: len(cell.state)], leaves[2 * G + len(cell.state) :]
    step = inspect.unwrap(cell.step)  # extra weights are per sequence here, as in the kernels
    expected = step(torch.cat(gates[:G], -1), torch.cat(gates[G:], -1), tuple(state), *extra)
    following, saved = module.cell_step(tuple(x_proj), tuple(h_proj), tuple(others[0]), tuple(others[1]))
    torch.testing.assert_close(following, expected)
    d_leaves = torch.autograd.grad(expected, leaves, tuple(others[2]), materialize_grads=True, allow_unused=True)
    gradients = module.cell_gradient(saved, tuple(others[0]), tuple(others[1]), tuple(others[2]))
    torch.testing.assert_close([part for parts in gradients for part in parts], list(d_leaves))


@pytest.mark.parametrize("function", ["tanh", "expm1"])
def test_functions_are_accurate_relative_to_their_value(function):
    x = torch.cat([torch.logspace(-9, 1.9, 500), -torch.logspace(-9, 1.9, 500), torch.zeros(1)])
    expected = getattr(torch, function)(x.double())
    actual = getattr(emulated_kernels(CELLS["rnn"]), function)(x).double()
    assert ((actual - expected).abs() <= 1e-6 * expected.abs()).all()


@pytest.mark.parametrize(("size", "columns"), [(1, [0, 10]), (2, [0, 1, 10, 11]), (4, [0, 1, 10, 11, 2, 3, 12, 13])])
def test_a_pair_of_gates_of_every_unit_is_followed_by_the_next_pair_and_they_come_apart_again(size, columns):
    module = emulated_kernels(CELLS["rnn"])
    gates = tuple(torch.tensor([[gate, 10.0 + gate]]).expand(16, 2) for gate in range(size))
    grouped = module.group(gates, 16, 2, size)
    assert grouped[0].tolist() == columns
    for gate, block in zip(gates, module.ungroup(grouped, 16, 2, size), strict=True):
        torch.testing.assert_close(block, gate)


def test_a_float_is_the_sum_of_two_of_which_the_first_has_10_bits_of_mantissa():
    x = torch.randn(1000)
    high, low = emulated_kernels(CELLS["rnn"]).split_float(x)
    assert torch.equal(high + low, x)
    assert not (high.view(torch.int32) & 0x1FFF).any()


def test_the_gradient_computes_no_exponential():
    for cell in CELLS.values():
        _, code = generate_kernels(cell, uses_only_sum(cell)).split("def cell_gradient")
        gradient, _ = code.split("@triton.jit", 1)
        assert "tanh(" not in gradient
        assert "sigmoid(" not in gradient


def test_an_operation_without_vector_form_is_named():
    with pytest.raises(UnsupportedOperationError, match=r"aten\.sin"):
        generate_kernels(SINE, only_sum=True)


def test_a_step_that_rounds_to_another_dtype_is_refused():
    cell = Cell(lambda x, h, state: (torch.tanh(x + h).bfloat16().float(),), gates=("h",))
    with pytest.raises(UnsupportedOperationError, match="no vector form"):
        generate_kernels(cell, only_sum=True)


def test_columns_of_a_unit_are_a_power_of_two():
    assert [group_size(Cell(LEAKY.step, gates=("g",) * count)) for count in (1, 2, 3, 4, 5, 8)] == [1, 2, 4, 4, 8, 8]
