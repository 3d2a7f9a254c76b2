import pytest
import torch

from palingen.recurrence import init
from palingen.recurrence.cells import CELLS
from palingen.recurrence.config import PalindromeConfig, build_network
from palingen.recurrence.layers import RecurrentLayer
from palingen.runtime.errors import ConfigError

FORGET_GATES = {"lstm": "f", "peephole": "f", "gru": "z"}


def bias_of(layer, gate):
    return layer.bias.detach().chunk(len(layer.cell.gates))[layer.cell.gates.index(gate)]


@pytest.mark.parametrize(("name", "gate"), FORGET_GATES.items())
def test_forget_bias_sets_the_bias_of_the_forget_gate_and_of_no_other(name, gate):
    torch.manual_seed(0)
    layer = RecurrentLayer(name, 2, 50)
    before = {other: bias_of(layer, other).clone() for other in layer.cell.gates}
    init.forget_bias(layer, 3.0)
    assert (bias_of(layer, gate) == 3).all()
    assert all(torch.equal(bias_of(layer, other), before[other]) for other in layer.cell.gates if other != gate)


@pytest.mark.parametrize("name", FORGET_GATES)
def test_a_higher_forget_bias_retains_more_of_the_state(name):
    retained = []
    for bias in (-3.0, 0.0, 3.0):
        torch.manual_seed(0)
        layer = RecurrentLayer(name, 2, 50)
        init.forget_bias(layer, bias)
        state = tuple(torch.full((1, 50), 0.5) for _ in layer.cell.state)
        retained.append(layer(torch.zeros(1, 10, 2), state).final_state[-1].abs().mean().item())
    assert retained[0] < retained[1] < retained[2]


def test_chrono_spreads_forgetting_times_up_to_the_longest_and_opens_the_input_gate_as_rarely():
    torch.manual_seed(0)
    layer = RecurrentLayer("lstm", 2, 4000)
    init.chrono(layer, 101)
    times = bias_of(layer, "f").exp()
    assert 1 <= times.min() < 2
    assert 99 < times.max() <= 100
    assert times.mean().item() == pytest.approx(50.5, abs=2)  # U(1, 100): mean 50.5, standard error 0.45
    assert torch.equal(bias_of(layer, "i"), -bias_of(layer, "f"))


def test_orthogonal_recurrent_weights_preserve_norms():
    torch.manual_seed(0)
    layer = RecurrentLayer("lstm", 2, 16)
    init.orthogonal(layer)
    for matrix in layer.weight_hh.detach().chunk(4):
        torch.testing.assert_close(matrix @ matrix.T, torch.eye(16), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("field", "apply"),
    [
        ("forget_bias_init", lambda layer: init.forget_bias(layer, 1.0)),
        ("chrono_init", lambda layer: init.chrono(layer, 9)),
    ],
)
def test_a_cell_without_forget_gate_is_refused(field, apply):
    with pytest.raises(ConfigError, match=f"{field}: the cell has no forget gate"):
        apply(RecurrentLayer("rnn", 2, 3))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    ("options", "weight", "gated_only"),
    [
        ({"orthogonal_init": True}, "recurrent.weight_hh", False),
        ({"chrono_init": True, "length": 20}, "recurrent.bias", True),
        ({"forget_bias_init": 2.0}, "recurrent.bias", True),
        ({"forget_bias_init": 0.0}, "recurrent.bias", True),
    ],
)
def test_each_option_of_the_config_changes_its_own_weight_only(cell, options, weight, gated_only):
    plain = dict(build_network(PalindromeConfig(cell=cell, hidden_size=6)).named_parameters())
    other = dict(build_network(PalindromeConfig(cell=cell, hidden_size=6, **options)).named_parameters())
    changed = {name for name in plain if not torch.equal(plain[name], other[name])}
    assert changed == ({weight} if cell in FORGET_GATES or not gated_only else set())


@pytest.mark.parametrize("cell", CELLS)
def test_a_learned_initial_state_adds_one_parameter_for_each_part_of_the_state(cell):
    plain = build_network(PalindromeConfig(cell=cell, hidden_size=6))
    learned = build_network(PalindromeConfig(cell=cell, hidden_size=6, learn_initial_state=True))
    added = dict(learned.named_parameters()).keys() - dict(plain.named_parameters()).keys()
    assert added == {f"recurrent.initial_state.{part}" for part in CELLS[cell].state}
