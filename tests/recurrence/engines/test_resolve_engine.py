from typing import get_args

import pytest
import torch
from engine_cases import LEAKY, SINE

from palingen.recurrence.cells import CELLS, Cell
from palingen.recurrence.engines import ENGINES, MIN_COMPILED_STEPS, EngineName, resolve_engine
from palingen.runtime.errors import ConfigError

SHORT, LONG = torch.zeros(2, 4, 1), torch.zeros(2, MIN_COMPILED_STEPS, 1)


def test_registry_and_literal_name_the_same_engines():
    assert {"auto", *ENGINES} == set(get_args(EngineName))


@pytest.mark.parametrize("cell", [*CELLS.values(), LEAKY])
def test_auto_is_the_native_engine_if_it_supports_the_cell(cell):
    assert resolve_engine("auto", cell, SHORT) == resolve_engine("auto", cell, LONG) == "native"


@pytest.mark.parametrize(("cell", "dtype"), [(CELLS["lstm"], torch.float64), (SINE, torch.float32)])
def test_auto_without_the_native_engine_compiles_only_for_long_sequences(cell, dtype):
    assert resolve_engine("auto", cell, SHORT.to(dtype)) == "reference"
    assert resolve_engine("auto", cell, LONG.to(dtype)) == "compiled"


@pytest.mark.parametrize("name", ["reference", "compiled"])
def test_reference_and_compiled_support_everything(name):
    assert resolve_engine(name, SINE, SHORT.double()) == name


@pytest.mark.parametrize(
    ("name", "cell", "inputs", "reason"),
    [
        ("native", SINE, SHORT, r"engine='native': the step uses aten\.sin\.default, which has no vector form"),
        ("native", Cell(SINE.step, ("h",), tuple("hcdef")), SHORT, "state has 5 parts, more than 4"),
        ("native", CELLS["lstm"], SHORT.double(), r"in float32 on a CPU, not in torch\.float64 on cpu"),
        ("compild", CELLS["lstm"], SHORT, "engine: unknown 'compild'; did you mean 'compiled'"),
    ],
)
def test_an_engine_that_does_not_support_a_run_is_refused_with_the_reason(name, cell, inputs, reason):
    with pytest.raises(ConfigError, match=reason) as error:
        resolve_engine(name, cell, inputs)
    assert len(str(error.value).splitlines()) == 1
