import pytest
import torch
from torch import nn
from torch.nn.functional import leaky_relu

from palingen.gan.models.init import LEAKY_SLOPE, dcgan_init, kaiming_init, lecun_init


def test_kaiming_init_keeps_the_mean_square_through_a_leaky_relu():
    torch.manual_seed(0)
    inputs = torch.randn(1000, 400)
    layer = kaiming_init(nn.Linear(400, 400), 400)
    outputs = layer(leaky_relu(inputs, LEAKY_SLOPE))
    assert outputs.square().mean().item() == pytest.approx(inputs.square().mean().item(), rel=0.05)
    assert not layer.bias.any()


def test_lecun_init_keeps_the_mean_square():
    torch.manual_seed(0)
    inputs = torch.randn(1000, 400)
    layer = lecun_init(nn.Linear(400, 400))
    assert layer(inputs).square().mean().item() == pytest.approx(1, rel=0.05)
    assert not layer.bias.any()


def test_dcgan_init_gives_weights_a_standard_deviation_of_two_hundredths_and_leaves_other_layers():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(16, 64, 4), nn.BatchNorm2d(64)).apply(dcgan_init)
    assert network[0].weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert not network[0].bias.any()
    assert (network[1].weight == 1).all()
