import pytest
import torch
from engine_cases import LEAKY

import palingen.nn
from palingen.recurrence.cells import CELLS
from palingen.runtime.errors import ConfigError


def test_a_stack_names_its_parameters_after_torchs_with_one_bias_and_the_cells_extra_weights():
    stack = palingen.nn.RecurrentStack("gru", 3, 5, 2, bidirectional=True)
    names = ("weight_ih", "weight_hh", "bias_ih", "b_hn")
    ends = ("l0", "l0_reverse", "l1", "l1_reverse")
    assert [*stack.state_dict()] == [f"{name}_{end}" for end in ends for name in names]
    assert stack.weight_ih_l1_reverse.shape == (15, 10)
    assert stack.all_weights[3][3] is stack.b_hn_l1_reverse


@pytest.mark.parametrize("cell", [*CELLS, LEAKY])
def test_without_biases_a_stack_computes_as_with_biases_of_zero(cell):
    bare, full = (palingen.nn.RecurrentStack(cell, 3, 5, bias=bias) for bias in (False, True))
    assert "bias_ih_l0" not in bare.state_dict()
    full.load_state_dict({**bare.state_dict(), "bias_ih_l0": torch.zeros_like(full.bias_ih_l0)})
    inputs = torch.randn(6, 4, 3)
    assert torch.equal(bare(inputs)[0], full(inputs)[0])


def test_a_stack_shows_its_cell_and_the_arguments_that_differ_from_their_defaults():
    stack = palingen.nn.RecurrentStack(LEAKY, 3, 5, 2, dropout=0.1, batch_first=True)
    assert repr(stack) == "RecurrentStack(leaky, 3, 5, num_layers=2, batch_first=True, dropout=0.1)"
    assert repr(palingen.nn.Peephole(3, 5)) == "Peephole(3, 5)"


def test_parameters_lie_uniformly_within_one_over_the_root_of_the_hidden_size():
    torch.manual_seed(0)
    weights = torch.cat([weight.flatten() for weight in palingen.nn.Peephole(10, 100, 2).parameters()])
    assert weights.abs().max() <= 0.1
    assert weights.abs().mean().item() == pytest.approx(0.05, abs=5e-4)  # 126,000 weights: 6 standard errors


def test_dtype_and_device_are_those_of_the_arguments():
    layer = palingen.nn.GRU(3, 5, device="meta", dtype=torch.float64)
    assert {(weight.device.type, weight.dtype) for weight in layer.parameters()} == {("meta", torch.float64)}


def test_unknown_cells_and_engines_are_refused_with_the_closest_name():
    with pytest.raises(ConfigError, match=r"^cell: unknown 'lsmt'; did you mean 'lstm'\?"):
        palingen.nn.RecurrentStack("lsmt", 3, 5)
    with pytest.raises(ConfigError, match=r"^engine: unknown 'nativ'; did you mean 'native'\?"):
        palingen.nn.LSTM(3, 5, engine="nativ")
