"""Cells of users: tried before anything else, and then as good as the built-in ones."""

import pytest
import torch
from user_parts import CELL, write_code

from palingen.recurrence.cells import CELLS
from palingen.recurrence.config import PalindromeConfig, build_network
from palingen.recurrence.engines import resolve_engine, run_engine
from palingen.recurrence.user_cells import load_cell
from palingen.runtime.errors import ConfigError

BAD = """
from palingen import Cell

def unpacks_four(x_proj, h_proj, state):
    i, f, g, o = (x_proj + h_proj).chunk(4, dim=-1)
    return (i,)

Gates = Cell(unpacks_four, gates=("i", "f", "g"))
Shape = Cell(lambda x, h, state: (x + h,), gates=("a", "b"))
Parts = Cell(lambda x, h, state: (x + h, h), gates=("a",))
NoTuple = Cell(lambda x, h, state: x + h, gates=("a",))
NotFinite = Cell(lambda x, h, state: ((x + h) / 0,), gates=("a",))
Double = Cell(lambda x, h, state: ((x + h).double(),), gates=("a",))
Constant = Cell(lambda x, h, state: ((x + h).detach(),), gates=("a",))
Forget = Cell(lambda x, h, state: (x + h,), gates=("a",), forget_gate="f")
Twice = Cell(lambda x, h, state: (x + h,), gates=("a", "a"))
State = Cell(lambda x, h, state: (x + h,), gates=("a",), state=("c",))
"""

SHAPES = "gates and 3 units give it x_proj and h_proj of shape"


def load(folder, text, name):
    return load_cell(PalindromeConfig(cell=f"{write_code(folder, text)}:{name}").cell)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Gates", rf"mine\.py:5: ValueError: not enough values to unpack .*\(3 {SHAPES} \(2, 9\)\)"),
        ("Shape", rf"the step returns h of shape \(2, 6\), must be \(2, 3\); 2 {SHAPES} \(2, 6\)"),
        ("Parts", "the step returns 2 parts, must return a tuple of 1: h"),
        ("NoTuple", "the step returns Tensor, must return a tuple of 1: h"),
        ("NotFinite", "the step returns NaN or infinity in h"),
        ("Double", r"the step returns h in torch\.float64 for inputs in float32"),
        ("Constant", "the step returns h without a gradient"),
        ("Forget", r"forget_gate='f': must be one of gates=\('a',\)"),
        ("Twice", "gates=.*: must be a tuple of different names"),
        ("State", "state=.*: must begin with 'h'"),
        ("unpacks_four", "is of type function, must be of type Cell"),
        ("Shap", r"unknown 'Shap'; did you mean 'Shape'\? \(choose from Gates, Shape, "),
    ],
)
def test_a_cell_that_does_not_fit_is_refused_in_one_line(tmp_path, name, problem):
    with pytest.raises(ConfigError, match=problem) as refusal:
        load(tmp_path, BAD, name)
    assert str(refusal.value).startswith(f"cell='{tmp_path / 'mine.py'}:{name}': ")
    assert "\n" not in str(refusal.value)


def test_a_users_cell_runs_on_the_native_engine_and_equals_the_reference(tmp_path):
    cell = load(tmp_path, CELL, "Mine")
    model = build_network(PalindromeConfig(cell=f"{tmp_path / 'mine.py'}:Mine", hidden_size=5))
    assert model.recurrent.cell is cell
    inputs = torch.randn(3, 7, 1)
    assert resolve_engine("auto", cell, inputs) == "native"
    native, reference = (run_engine(name, cell, model.recurrent.weights, inputs) for name in ("native", "reference"))
    torch.testing.assert_close(native.states, reference.states)


def test_a_built_in_cell_is_the_one_of_the_registry():
    assert load_cell("gru") is CELLS["gru"]
