import pytest
import torch

from palingen.errors import ConfigError
from palingen.recurrence import initial
from palingen.recurrence.cells import CELLS
from palingen.recurrence.experiment import PalindromeRun, network
from palingen.recurrence.network import Recurrent

GATED = {"lstm": "f", "peephole": "f", "gru": "z"}


def block(layer, gate):
    return layer.bias.detach().chunk(len(layer.cell.gates))[layer.cell.gates.index(gate)]


@pytest.mark.parametrize(("name", "gate"), GATED.items())
def test_the_forget_bias_is_that_of_the_gate_that_remembers_and_of_no_other(name, gate):
    torch.manual_seed(0)
    layer = Recurrent(name, 2, 50)
    before = {other: block(layer, other).clone() for other in layer.cell.gates}
    initial.forget_bias(layer, 3.0)
    assert (block(layer, gate) == 3).all()
    assert all(torch.equal(block(layer, other), before[other]) for other in layer.cell.gates if other != gate)


@pytest.mark.parametrize("name", GATED)
def test_a_higher_forget_bias_keeps_more_of_the_state(name):
    kept = []
    for bias in (-3.0, 0.0, 3.0):
        torch.manual_seed(0)
        layer = Recurrent(name, 2, 50)
        initial.forget_bias(layer, bias)
        start = tuple(torch.full((1, 50), 0.5) for _ in layer.cell.state)
        kept.append(layer(torch.zeros(1, 10, 2), start).last[-1].abs().mean().item())
    assert kept == sorted(kept)


def test_chrono_spreads_the_time_constants_up_to_the_longest_and_writes_as_rarely():
    torch.manual_seed(0)
    layer = Recurrent("lstm", 2, 4000)
    initial.chrono(layer, 101)
    times = block(layer, "f").exp()
    assert 1 <= times.min() < 2
    assert 99 < times.max() <= 100
    assert times.mean().item() == pytest.approx(50.5, abs=2)  # U(1, 100): mean 50.5, standard error 0.45
    assert torch.equal(block(layer, "i"), -block(layer, "f"))


def test_orthogonal_weights_turn_the_state_and_keep_its_length():
    torch.manual_seed(0)
    layer = Recurrent("lstm", 2, 16)
    initial.orthogonal(layer)
    for gate in layer.hidden_weight.detach().chunk(4):
        torch.testing.assert_close(gate @ gate.T, torch.eye(16), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "option", [lambda layer: initial.forget_bias(layer, 1.0), lambda layer: initial.chrono(layer, 9)]
)
def test_a_cell_without_gates_has_none_that_remembers(option):
    with pytest.raises(ConfigError, match="no gate that remembers"):
        option(Recurrent("rnn", 2, 3))


def test_every_cell_names_gates_that_it_has():
    for cell in CELLS.values():
        assert {cell.remembers, cell.writes} - {None} <= set(cell.gates)


@pytest.mark.parametrize("cell", CELLS)
def test_each_option_of_the_config_changes_the_weights_it_is_about(cell):
    plain = network(PalindromeRun(cell=cell, hidden=6))
    kept = dict(plain.named_parameters())
    for option, changed in (
        ({"orthogonal": True}, {"recurrent.hidden_weight"}),
        ({"chrono": True, "length": 20}, {"recurrent.bias"} if cell in GATED else set()),
        ({"forget_bias": 2.0}, {"recurrent.bias"} if cell in GATED else set()),
    ):
        other = dict(network(PalindromeRun(cell=cell, hidden=6, **option)).named_parameters())
        assert {name for name in kept if not torch.equal(kept[name], other[name])} == changed
    learnt = network(PalindromeRun(cell=cell, hidden=6, learn_state=True))
    assert {name for name, _ in learnt.named_parameters()} - kept.keys() == {
        f"recurrent.first.{part}" for part in CELLS[cell].state
    }
