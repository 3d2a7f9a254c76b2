"""Steps that read values from outside their arguments, which a trace would freeze."""

import functools
import math
import random
from enum import Enum
from types import SimpleNamespace
from typing import NamedTuple

import pytest
import torch
from torch import nn, tanh

from palingen.recurrence.cells import CELLS, Cell
from palingen.recurrence.engines import resolve_engine
from palingen.recurrence.engines.captures import frozen_reason
from palingen.recurrence.layers import RecurrentLayer
from palingen.runtime.errors import ConfigError

TAU = nn.Parameter(torch.tensor(2.0))
FACTOR = 0.5
SETTINGS = SimpleNamespace(factor=0.5)


def cell_of(step):
    return Cell(step, gates=("h",))


def scaled_by_a_global_parameter(x_proj, h_proj, state):
    return (TAU * tanh(x_proj + h_proj),)


def helper(projection):
    return TAU * tanh(projection)


def scaled_by_a_function_that_reads_a_parameter(x_proj, h_proj, state):
    return (helper(x_proj + h_proj),)


def scaled_by_an_object(x_proj, h_proj, state):
    return (SETTINGS.factor * tanh(x_proj + h_proj),)


def scaled_by_a_default(x_proj, h_proj, state, tau=TAU):
    return (tau * tanh(x_proj + h_proj),)


def scaled_by_a_closure():
    tau = torch.tensor(2.0)

    def step(x_proj, h_proj, state):
        return (tau * tanh(x_proj + h_proj),)

    return step


class Hyper:
    weight = torch.tensor(2.0, requires_grad=True)
    factor = 0.5


def scaled_by_a_tensor_of_a_class(x_proj, h_proj, state):
    return (Hyper.weight * tanh(x_proj + h_proj),)


def scaled_at_random(x_proj, h_proj, state):
    return (random.random() * tanh(x_proj + h_proj),)


class Module(nn.Module):
    def forward(self, x_proj, h_proj, state):
        return (tanh(x_proj + h_proj),)


STEPS = {
    "parameter": (scaled_by_a_global_parameter, "tensor 'TAU'"),
    "helper": (scaled_by_a_function_that_reads_a_parameter, "tensor 'TAU'"),
    "object": (scaled_by_an_object, "'SETTINGS'"),
    "class": (scaled_by_a_tensor_of_a_class, "tensor 'Hyper.weight'"),
    "random": (scaled_at_random, "'random.random'"),
    "default": (scaled_by_a_default, "tensor 'default 0'"),
    "closure": (scaled_by_a_closure(), "tensor 'tau'"),
    "module": (Module(), "module 'step'"),
    "method": (Module().forward, "'step'"),
    "partial": (functools.partial(scaled_by_a_default, tau=torch.ones(())), "tensor"),
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("engine", ["native", "compiled"])
def test_a_step_that_reads_a_changing_value_is_refused_with_its_name(name, engine):
    step, value = STEPS[name]
    with pytest.raises(ConfigError, match=f"engine='{engine}': the step reads ") as refusal:
        resolve_engine(engine, cell_of(step), torch.zeros(1, 100, 1))
    assert value in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_auto_follows_a_parameter_outside_the_step_and_gives_it_a_gradient():
    layer = RecurrentLayer(cell_of(scaled_by_a_global_parameter), 1, 4)
    inputs = torch.randn(3, 60, 1)
    outputs = []
    for tau in (2.0, 0.25):
        TAU.data.fill_(tau)
        outputs.append(layer(inputs).states[0])
    assert not torch.allclose(*outputs)
    outputs[1].sum().backward()
    assert TAU.grad is not None
    assert TAU.grad != 0


def test_a_number_is_allowed_until_it_changes(monkeypatch):
    def step(x_proj, h_proj, state):
        return (FACTOR * tanh(x_proj + h_proj),)

    layer, inputs = RecurrentLayer(cell_of(step), 1, 4), torch.randn(3, 5, 1)
    assert resolve_engine("auto", layer.cell, inputs) == "native"
    before = layer(inputs).states[0]
    monkeypatch.setitem(globals(), "FACTOR", 0.25)
    assert resolve_engine("auto", layer.cell, inputs) == "reference"
    assert "'FACTOR', which has changed" in frozen_reason(layer.cell)
    after = layer(inputs).states[0]
    torch.testing.assert_close(after[:, 0], before[:, 0] / 2)


def activation(x):
    return tanh(x)


def other_activation(x):
    return torch.relu(x)


def test_functions_and_attributes_of_classes_and_functions_are_allowed_until_they_change(monkeypatch):
    def by_class(x_proj, h_proj, state):
        return (Hyper.factor * tanh(x_proj + h_proj),)

    def by_helper(x_proj, h_proj, state):
        return (activation(x_proj + h_proj),)

    def by_attribute(x_proj, h_proj, state):
        return (activation.factor * tanh(x_proj + h_proj),)

    activation.factor = 0.5
    layers = [RecurrentLayer(cell_of(step), 1, 4) for step in (by_class, by_helper, by_attribute)]
    inputs = torch.randn(3, 5, 1)
    for layer in layers:
        layer(inputs)
        assert resolve_engine("auto", layer.cell, inputs) == "native"
    monkeypatch.setattr(Hyper, "factor", 0.25)
    monkeypatch.setitem(globals(), "activation", other_activation)
    other_activation.factor = 0.25
    for layer, name in zip(layers, ("Hyper.factor", "activation", "activation"), strict=True):
        assert f"'{name}', which has changed" in frozen_reason(layer.cell)
        assert resolve_engine("auto", layer.cell, inputs) == "reference"


class Split(NamedTuple):
    candidate: torch.Tensor
    gate: torch.Tensor


class Kind(Enum):
    TANH = 1


def test_named_tuples_and_enumerations_may_be_used():
    def step(x_proj, h_proj, state):
        split = Split._make((x_proj, h_proj))
        return (tanh(split.candidate + split.gate) if Kind.TANH.value else split.gate,)

    cell = cell_of(step)
    assert frozen_reason(cell) is None
    assert resolve_engine("auto", cell, torch.zeros(1, 5, 1)) == "native"


@pytest.mark.parametrize("name", CELLS)
def test_the_cells_of_the_package_read_their_arguments_only(name):
    assert frozen_reason(CELLS[name]) is None


def test_functions_of_torch_and_math_may_be_used():
    def step(x_proj, h_proj, state):
        return (torch.nn.functional.softsign(x_proj + math.pi * h_proj),)

    assert frozen_reason(cell_of(step)) is None
