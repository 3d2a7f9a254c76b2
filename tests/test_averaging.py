import pytest
import torch
from torch import nn

from palingen.adversarial import annealing
from palingen.adversarial.annealing import half_cosine, set_adam
from palingen.adversarial.averaging import RAMP, Average, settle
from palingen.adversarial.experiment import GanRun


def test_an_average_of_constant_weights_is_those_weights():
    network = nn.Linear(2, 2)
    average = Average(network, half_life=10)
    for step in range(1, 50):
        average.update(network, step)
    torch.testing.assert_close(average.network.weight, network.weight)


def test_after_its_half_life_an_average_has_forgotten_half():
    network = nn.Linear(1, 1).double()
    nn.init.zeros_(network.weight)
    average = Average(network, half_life=8)
    nn.init.ones_(network.weight)
    late = 1_000_000  # the ramp is over
    for step in range(late, late + 8):
        average.update(network, step)
    assert average.network.weight.item() == pytest.approx(0.5)


def test_early_on_the_average_forgets_as_fast_as_the_steps_are_few():
    network = nn.Linear(1, 1).double()
    nn.init.zeros_(network.weight)
    average = Average(network, half_life=1e9)
    nn.init.ones_(network.weight)
    average.update(network, step=20)
    assert average.network.weight.item() == pytest.approx(1 - 0.5 ** (1 / (RAMP * 20)))


def test_the_average_leaves_the_network_as_it_is():
    network = nn.Linear(2, 2)
    before = network.weight.detach().clone()
    Average(network, 5).update(network, 1)
    assert torch.equal(network.weight, before)
    assert network.weight.requires_grad


def test_settled_statistics_are_the_means_over_all_batches():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    network[1].running_mean.fill_(99)
    batches = torch.randn(400, 3).split(100)
    settle(network.eval(), batches)
    hidden = network[0](torch.cat(batches))
    torch.testing.assert_close(network[1].running_mean, hidden.mean(0))
    expected = torch.stack([network[0](batch).var(0) for batch in batches]).mean(0)
    torch.testing.assert_close(network[1].running_var, expected)
    assert network[1].momentum == 0.1
    assert not network.training


def test_a_network_without_batchnorm_has_nothing_to_settle():
    def never():
        raise AssertionError
        yield

    settle(nn.Linear(2, 2), never())


def test_half_a_cosine_goes_from_start_to_end_by_way_of_their_middle():
    assert half_cosine(1, 0.1, 0) == 1
    assert half_cosine(1, 0.1, 1) == pytest.approx(0.1)
    assert half_cosine(1, 0.1, 0.5) == pytest.approx(0.55)
    assert all(half_cosine(2e-4, 2e-4, done / 7) == 2e-4 for done in range(8))


def test_step_size_gamma_and_beta2_follow_the_config():
    config = GanRun(learning_rate=1e-3, learning_rate_decay=0.1, gamma=0.5, gamma_decay=0.1, beta2=0.9, beta2_end=0.99)
    optimizer = torch.optim.Adam([nn.Parameter(torch.zeros(1))])
    set_adam(optimizer, config, 1.0)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-4)
    assert optimizer.param_groups[0]["betas"] == (0.9, pytest.approx(0.99))
    assert annealing.gamma(config, 1.0) == pytest.approx(0.05)
    set_adam(optimizer, GanRun(warm_up=0.2), 0.05)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(2e-4 / 4)
    set_adam(optimizer, GanRun(warm_up=0.2), 0.2)
    assert optimizer.param_groups[0]["lr"] == 2e-4
    set_adam(optimizer, GanRun(), 0.7)
    assert optimizer.param_groups[0]["lr"] == 2e-4
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.999)
