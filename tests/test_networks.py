import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from palingen.adversarial.convolutional import Grow, Shrink
from palingen.adversarial.latent import draw
from palingen.adversarial.networks import PAIRS


def count(network):
    return sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize(("channels", "classes"), [(1, 0), (1, 10), (3, 0)])
@pytest.mark.parametrize("name", PAIRS)
def test_every_pair_goes_from_latents_to_images_to_a_logit_for_each_class(name, channels, classes):
    generator, discriminator = PAIRS[name](16, 1e-5, channels, classes)
    images = generator(torch.randn(4, 16 + classes))
    assert images.shape == (4, channels, 28, 28)
    assert images.std() > 0.01
    drawn = draw(generator, torch.randn(4, 16 + classes) * 10)
    assert -1 <= drawn.min() < drawn.max() <= 1
    assert discriminator(images).shape == ((4, classes) if classes else (4,))


@pytest.mark.parametrize("name", PAIRS)
def test_every_discriminator_looks_at_each_image_by_itself(name):
    _, discriminator = PAIRS[name](16, 1e-5, 1, 0)
    images = torch.rand(5, 1, 28, 28).double() * 2 - 1
    discriminator.double().train()
    alone = torch.cat([discriminator(image.unsqueeze(0)) for image in images])
    torch.testing.assert_close(discriminator(images), alone)


def test_the_residual_pair_has_the_stated_size_and_no_normalisation():
    generator, discriminator = PAIRS["residual"](64, 1e-5, 1, 10)
    assert count(generator) == 716_353
    assert count(discriminator) == 539_498
    for network in (generator, discriminator):
        assert not any(isinstance(layer, _BatchNorm | nn.LayerNorm | nn.GroupNorm) for layer in network.modules())


def test_blocks_double_and_halve_the_side_and_are_their_straight_part_without_their_branch():
    maps = torch.randn(2, 6, 8, 8)
    grown, shrunk = Grow(6, 4), Shrink(6, 4)
    assert grown(maps).shape == (2, 4, 16, 16)
    assert shrunk(maps).shape == (2, 4, 4, 4)
    for block in (grown, shrunk):
        nn.init.zeros_(block.second.weight)
        nn.init.zeros_(block.second.bias)
    torch.testing.assert_close(shrunk(maps), shrunk.skip(nn.functional.avg_pool2d(maps, 2)))
    straight = nn.functional.interpolate(grown.skip(maps), scale_factor=2, mode="bilinear")
    torch.testing.assert_close(grown(maps), straight)


def test_every_weight_of_every_pair_can_be_moved():
    for name in PAIRS:
        for network, seen in zip(
            PAIRS[name](8, 1e-5, 1, 0), (torch.randn(4, 8), torch.rand(4, 1, 28, 28)), strict=True
        ):
            for weight in network.parameters():
                weight.data += 0.01 * torch.randn_like(weight)
            network(seen).square().sum().backward()
            still = [
                place for place, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()
            ]
            assert still == [], name
