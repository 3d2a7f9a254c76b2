import pytest
import torch
from torch import nn

from palingen.gan.objectives.gradient_penalties import (
    PENALTIES,
    r1,
    r1_and_r2,
    r2,
    squared_gradient_norms,
    wgan_gp,
)


def random_images(count, seed=0):
    return torch.randn(count, 1, 28, 28, generator=torch.Generator().manual_seed(seed)).double()


@pytest.fixture
def weight():
    """Weight of a linear discriminator."""
    return (random_images(1, seed=9)[0] / 10).requires_grad_()


def linear(weight):
    return lambda images: (weight * images).sum((1, 2, 3))


def squared_norms(images):
    return images.square().flatten(1).sum(1)


def test_the_gradient_of_a_linear_discriminator_is_its_weight_at_every_image(weight):
    expected = weight.square().sum().expand(6)
    torch.testing.assert_close(squared_gradient_norms(linear(weight), random_images(6)), expected)


def test_the_gradient_of_r1_for_a_linear_discriminator_is_its_weight(weight):
    norms = squared_gradient_norms(linear(weight), random_images(6))
    torch.testing.assert_close(torch.autograd.grad(r1(norms, norms), weight)[0], weight.detach())


def test_half_the_squared_norm_of_an_image_has_the_image_as_gradient():
    images = random_images(6)
    torch.testing.assert_close(
        squared_gradient_norms(lambda images: squared_norms(images) / 2, images), squared_norms(images)
    )


def test_penalties_of_known_squared_norms():
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([4.0, 16.0])
    assert r1(real, fake) == 1
    assert r2(real, fake) == 5
    assert r1_and_r2(real, fake) == r1(real, fake) + r2(real, fake)
    assert wgan_gp(fake, fake).item() == pytest.approx((1**2 + 3**2) / 2)


@pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)
def test_a_constant_discriminator_has_a_finite_gradient(penalty):
    weight = torch.zeros(784).double().requires_grad_()
    norms = squared_gradient_norms(lambda images: images.flatten(1) @ weight, random_images(6))
    assert torch.autograd.grad(penalty.of_norms(norms, norms), weight)[0].isfinite().all()


def test_the_gradient_of_a_penalty_equals_finite_differences():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 4), nn.Tanh(), nn.Linear(4, 1), nn.Flatten(0)).double()
    real, fake = random_images(3), random_images(3, seed=1)
    bias = network[1].bias

    def penalty():
        return r1_and_r2(squared_gradient_norms(network, real), squared_gradient_norms(network, fake))

    (gradient,) = torch.autograd.grad(penalty(), bias)
    for index in range(4):
        bias.data[index] += 1e-6
        above = penalty()
        bias.data[index] -= 2e-6
        below = penalty()
        bias.data[index] += 1e-6
        assert gradient[index].item() == pytest.approx(((above - below) / 2e-6).item(), rel=1e-5)
