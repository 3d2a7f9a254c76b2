import pytest
import torch
from torch import nn

from palingen.gan.objectives.ema import EMA, RAMP, update_bn_stats


def zero_layer():
    network = nn.Linear(1, 1).double()
    nn.init.zeros_(network.weight)
    return network


def test_the_average_of_constant_weights_is_those_weights():
    network = nn.Linear(2, 2)
    ema = EMA(network, half_life=10)
    for step in range(1, 50):
        ema.update(network, step)
    torch.testing.assert_close(ema.network.weight, network.weight)


def test_after_its_half_life_the_average_is_half_way_to_the_new_weights():
    network = zero_layer()
    ema = EMA(network, half_life=8)
    nn.init.ones_(network.weight)
    first = 1_000_000  # the half-life is no longer limited by the steps so far
    for step in range(first, first + 8):
        ema.update(network, step)
    assert ema.network.weight.item() == pytest.approx(0.5)


def test_early_in_training_the_half_life_is_a_fraction_of_the_steps_so_far():
    network = zero_layer()
    ema = EMA(network, half_life=1e9)
    nn.init.ones_(network.weight)
    ema.update(network, step=20)
    assert ema.network.weight.item() == pytest.approx(1 - 0.5 ** (1 / (RAMP * 20)))


def test_an_update_changes_the_average_and_not_the_network():
    network = nn.Linear(2, 2)
    ema = EMA(network, 5)
    before = network.weight.detach().clone()
    nn.init.zeros_(ema.network.weight)
    ema.update(network, 1)
    assert torch.equal(network.weight, before)
    assert network.weight.requires_grad
    assert ema.network.weight.any()


def test_buffers_are_copied_and_not_averaged():
    network = nn.BatchNorm1d(2)
    ema = EMA(network, half_life=100)
    network.running_mean.fill_(3)
    ema.update(network, 1)
    assert ema.network.running_mean.tolist() == [3, 3]


def test_recomputed_batchnorm_statistics_are_the_means_over_all_batches():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    network[1].running_mean.fill_(99)
    batches = torch.randn(400, 3).split(100)
    update_bn_stats(network.eval(), batches)
    torch.testing.assert_close(network[1].running_mean, network[0](torch.cat(batches)).mean(0))
    expected = torch.stack([network[0](batch).var(0) for batch in batches]).mean(0)
    torch.testing.assert_close(network[1].running_var, expected)
    assert network[1].momentum == 0.1
    assert not network.training


def test_without_batchnorm_no_batch_is_read():
    def unread():
        pytest.fail("a batch was read")
        yield

    update_bn_stats(nn.Linear(2, 2), unread())
