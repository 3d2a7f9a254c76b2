import copy

import pytest
import torch
from torch import nn

from palingen.gan.steps.adam_state import AdamState
from palingen.gan.steps.manual import flatten_parameters


def convolution():
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    return layer, torch.randn(2, 3, 8, 8)


def adam(parameters):
    return torch.optim.Adam(parameters, 1e-2, fused=True)


def train(layer, images, optimizer, steps):
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=False)  # flat gradients must stay where they are
        layer(images).square().mean().backward()
        optimizer.step()


def test_a_restored_optimizer_continues_bit_for_bit():
    layer, images = convolution()
    optimizer = adam(layer.parameters())
    train(layer, images, optimizer, steps=3)
    resumed = copy.deepcopy(layer)
    resumed_optimizer = adam(resumed.parameters())
    AdamState(resumed_optimizer).load_state_dict(AdamState(optimizer).state_dict())
    train(layer, images, optimizer, steps=3)
    train(resumed, images, resumed_optimizer, steps=3)
    assert all(torch.equal(a, b) for a, b in zip(resumed.parameters(), layer.parameters(), strict=True))


@pytest.mark.parametrize("flat_first", [False, True])
def test_the_state_of_separate_parameters_fits_one_flat_parameter_and_back(flat_first):
    layer, images = convolution()
    reference = copy.deepcopy(layer)
    train(reference, images, adam(reference.parameters()), steps=6)

    first, second = copy.deepcopy(layer), copy.deepcopy(layer)
    optimizers = [
        adam([flatten_parameters(network)] if flat else network.parameters())
        for network, flat in ((first, flat_first), (second, not flat_first))
    ]
    train(first, images, optimizers[0], steps=3)
    second.load_state_dict(first.state_dict())
    AdamState(optimizers[1]).load_state_dict(AdamState(optimizers[0]).state_dict())
    train(second, images, optimizers[1], steps=3)
    for parameter, expected in zip(second.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(parameter, expected, rtol=1e-5, atol=1e-6)


def test_before_the_first_step_there_is_nothing_to_restore():
    layer, images = convolution()
    optimizer = adam(layer.parameters())
    state = AdamState(optimizer).state_dict()
    assert state == {}
    train(layer, images, optimizer, steps=1)
    AdamState(optimizer).load_state_dict(state)
    assert not optimizer.state
