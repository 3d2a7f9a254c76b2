import pytest
import torch
from engine_cases import ALL_CELLS, Shape, outputs_and_gradients, random_case

import palingen.nn
from palingen.recurrence.cells import CELLS, Cell
from palingen.recurrence.config import PalindromeConfig, build_network
from palingen.recurrence.engines import resolve_engine, run_engine
from palingen.recurrence.engines.native import library
from palingen.recurrence.layers import RecurrentLayer
from palingen.runtime.errors import ConfigError
from palingen.runtime.processor import has_avx512_bf16

ROUNDING = 2**-8
"""Largest relative error of a number rounded to bfloat16."""

SHAPES = [Shape(B=3, T=7, I=2, H=5), Shape(B=1, T=4, I=3, H=130), Shape(B=9, T=6, I=5, H=33)]

with_bfloat16 = pytest.mark.skipif(not has_avx512_bf16(), reason="this processor has no AVX512-BF16")


@with_bfloat16
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["lstm", "leaky"])
def test_outputs_and_gradients_are_those_of_float32_up_to_the_rounding_of_factors(name, shape):
    torch.set_num_threads(2)
    cell = ALL_CELLS[name]
    case = random_case(cell, shape)
    exact = outputs_and_gradients("reference", cell, case.to(torch.float64))
    for recompute in (False, True):
        rounded = outputs_and_gradients("native", cell, case, precision="bfloat16", recompute=recompute)
        errors = [
            (a.double() - b).norm() / b.norm().clamp(min=1e-3) for a, b in zip(rounded, exact, strict=True)
        ]  # of whole tensors: single numbers near zero are sums that cancel
        assert max(errors) < 4 * ROUNDING
        assert max(errors) > ROUNDING / 64  # it is not float32


@with_bfloat16
def test_products_of_representable_numbers_are_exact():
    """One step of a linear cell on small integers: no rounding anywhere, whatever the padding."""

    def linear(x_proj, h_proj, state):
        return (x_proj + h_proj,)

    cell = Cell(linear, gates=("h",))
    case = random_case(cell, Shape(B=5, T=2, I=3, H=17))
    for leaf in case.leaves:
        leaf.data.mul_(3).round_()
    assert all(
        torch.equal(a.double(), b)
        for a, b in zip(
            outputs_and_gradients_of_integers("native", cell, case, precision="bfloat16"),
            outputs_and_gradients_of_integers("reference", cell, case.to(torch.float64)),
            strict=True,
        )
    )


def outputs_and_gradients_of_integers(engine, cell, case, **options):
    """States and gradients of all arguments, for a gradient of one for every state."""
    states = run_engine(engine, cell, case.weights, case.inputs, case.state, **options).states
    return [*states, *torch.autograd.grad(states[0][:, :1].sum(), case.leaves)]


@with_bfloat16
def test_layers_and_configs_declare_the_precision():
    layers = [getattr(palingen.nn, name)(6, 8, precision="bfloat16") for name in ("LSTM", "GRU", "RNN", "Peephole")]
    layers.append(palingen.nn.RecurrentStack("lstm", 6, 8, precision="bfloat16"))
    assert all(layer.precision == "bfloat16" for layer in layers)
    inputs = torch.randn(4, 3, 6, generator=torch.Generator().manual_seed(0))
    rounded = layers[0](inputs)[0]
    layers[0].precision = "float32"
    assert 0 < (layers[0](inputs)[0] - rounded).abs().max() < ROUNDING
    assert build_network(PalindromeConfig(precision="bfloat16")).recurrent.precision == "bfloat16"


@pytest.mark.parametrize(
    ("engine", "precision", "reason"),
    [
        (
            "compiled",
            "bfloat16",
            "precision='bfloat16': engine 'compiled' has none but float32; choose engine='native'",
        ),
        ("auto", "bfloat61", "precision: unknown 'bfloat61'; did you mean 'bfloat16'"),
    ],
)
def test_a_precision_that_does_not_exist_is_refused(engine, precision, reason):
    with pytest.raises(ConfigError, match=reason):
        resolve_engine(engine, CELLS["lstm"], torch.zeros(1, 1, 1), precision=precision)


def test_a_processor_without_the_arithmetic_is_refused_in_one_line(monkeypatch):
    monkeypatch.setattr(library, "has_avx512_bf16", lambda: False)
    monkeypatch.setattr(library, "_unsupported_cell", library._unsupported_cell.__wrapped__)
    layer = RecurrentLayer("lstm", 2, 3, precision="bfloat16")
    with pytest.raises(ConfigError) as error:
        layer(torch.zeros(1, 1, 2))
    message = "precision='bfloat16': the processor has no AVX512-BF16; choose precision='float32'"
    assert str(error.value) == message


def test_a_layer_refuses_an_unknown_precision():
    with pytest.raises(ConfigError, match="precision: unknown 'half'"):
        palingen.nn.LSTM(2, 3, precision="half")
