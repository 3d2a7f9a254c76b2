import pytest
import torch
from engine_cases import LEAKY

from palingen.recurrence.cells import CELLS, Cell
from palingen.recurrence.engines.native.codegen import generate_header
from palingen.recurrence.engines.native.layout_ops import UnsupportedOperationError


def test_the_header_of_the_rnn_is_its_equation_and_derivative():
    header = generate_header(CELLS["rnn"], only_sum=True)
    lines = [line.strip() for line in header.splitlines()]
    assert "const Vector v1 = tanh(sum_0);" in lines
    assert "next[0] = v1;" in lines
    assert "const Vector v2 = d_next[0] * (1.0f - v1 * v1);" in lines
    assert "d_sum[0] = v2;" in lines


@pytest.mark.parametrize(("cell", "only_sum"), [("rnn", True), ("lstm", True), ("peephole", True), ("gru", False)])
def test_the_gradient_computes_no_exponential(cell, only_sum):
    step, gradient = generate_header(CELLS[cell], only_sum).split("inline void cell_gradient")
    assert "tanh(" in step
    assert "tanh(" not in gradient
    assert "sigmoid(" not in gradient


def test_constants_say_how_the_step_uses_its_arguments():
    lstm, leaky = generate_header(CELLS["lstm"], only_sum=True), generate_header(LEAKY, only_sum=False)
    assert "GATES = 4, STATES = 2, EXTRAS = 0;" in lstm
    assert "USES_ONLY_SUM = true, USES_HIDDEN = false;" in lstm
    assert "GATES = 1, STATES = 1, EXTRAS = 0;" in leaky
    assert "USES_ONLY_SUM = false, USES_HIDDEN = true;" in leaky


def columns(x_proj, h_proj, state):
    return (torch.cat([x_proj[:, :2] + h_proj[:, :2], x_proj[:, 2:]], dim=1),)


UNSUPPORTED = {
    "size": lambda x, h, state: ((x + h) / x.shape[1],),
    "mean": lambda x, h, state: (torch.tanh(x + h) - (x + h).mean(),),
    "three-dimensional": lambda x, h, state: (torch.tanh(x + h).view(-1, 1, x.shape[1])[:, :1].reshape(x.shape),),
    "part-of-a-gate": columns,
    "other-sequences": lambda x, h, state: (torch.cat([x[:1], (x + h)[1:]], dim=0),),
    "random": lambda x, h, state: (torch.tanh(x + h) * torch.rand_like(x),),
    "constant": lambda x, h, state: (x + h * torch.arange(2.0)[0],),
    "rounded": lambda x, h, state: (torch.tanh(x + h).bfloat16().float(),),
    "double": lambda x, h, state: (torch.tanh((x + h).double()).float(),),
}


@pytest.mark.parametrize("step", UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_a_step_that_is_not_pointwise_has_no_header(step):
    with pytest.raises(UnsupportedOperationError, match=r"no vector form|depends on the number of"):
        generate_header(Cell(step, gates=("h",)), only_sum=False)


TWO_GATES = {
    "every-other-column": lambda x, h, state: (torch.tanh((x + h)[:, ::2]),),
    "gates-as-sequences": lambda x, h, state: (torch.tanh((x + h).view(2 * len(x), -1)[: len(x)]),),
}


@pytest.mark.parametrize("step", TWO_GATES.values(), ids=TWO_GATES)
def test_a_step_that_mixes_the_units_of_two_gates_has_no_header(step):
    with pytest.raises(UnsupportedOperationError, match="no vector form"):
        generate_header(Cell(step, gates=("a", "b")), only_sum=False)
