import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate
from torch.nn.modules.batchnorm import _BatchNorm

from palingen.gan.models import residual
from palingen.gan.models.residual import DownBlock, UpBlock


def num_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def without_branch(block):
    nn.init.zeros_(block.conv2.weight)
    nn.init.zeros_(block.conv2.bias)
    return block


def test_both_networks_have_the_documented_size():
    generator, discriminator = residual(64, 1e-5, 1, 10)
    assert (num_parameters(generator), num_parameters(discriminator)) == (716_353, 539_498)


def test_an_unbound_generator_starts_near_black_and_may_go_beyond():
    generator, _ = residual(64, 1e-5)
    latents = torch.randn(50, 64)
    bounded = generator(latents)
    generator.unbound()
    images = generator(latents)
    torch.testing.assert_close(images, bounded.atanh() / 2 - 1, rtol=0.01, atol=0.01)
    assert images.min() < -1 < images.max()


def test_there_is_no_normalisation():
    layers = [layer for network in residual(64, 1e-5) for layer in network.modules()]
    assert not any(isinstance(layer, _BatchNorm | nn.LayerNorm | nn.GroupNorm) for layer in layers)


def test_an_up_block_doubles_and_a_down_block_halves_height_and_width():
    features = torch.randn(2, 6, 8, 8)
    assert UpBlock(6, 4)(features).shape == (2, 4, 16, 16)
    assert DownBlock(6, 4)(features).shape == (2, 4, 4, 4)


def test_a_block_without_its_branch_is_its_shortcut():
    features = torch.randn(2, 6, 8, 8)
    up, down = without_branch(UpBlock(6, 4)), without_branch(DownBlock(6, 4))
    torch.testing.assert_close(down(features), down.shortcut(avg_pool2d(features, 2)))
    torch.testing.assert_close(up(features), interpolate(up.shortcut(features), scale_factor=2, mode="bilinear"))


def test_the_discriminators_last_layers_compute_in_float32_under_autocast():
    _, discriminator = residual(8, 1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        assert discriminator(torch.rand(2, 1, 28, 28)).dtype is torch.float32
