import pytest
import torch
from torch import nn

from palingen.adversarial.penalties import PENALTIES, gradient_penalty, r1, r1_and_r2, r2, slopes, steepness


def images(count, seed=0):
    return torch.randn(count, 1, 28, 28, generator=torch.Generator().manual_seed(seed)).double()


HALF = torch.full((6,), 0.5).double()


@pytest.fixture
def direction():
    return (images(1, seed=9)[0] / 10).requires_grad_()


def along(direction):
    return lambda x: (direction * x).sum((1, 2, 3))


def length(x):
    return x.square().flatten(1).sum(1)


def half_length(x):
    return length(x) / 2


def test_a_linear_judgement_has_its_directions_length_as_slope_everywhere(direction):
    expected = direction.square().sum().expand(6)
    torch.testing.assert_close(slopes(along(direction), images(6)), expected)
    for at in (
        *steepness(along(direction), images(6), images(6, 1)),
        *steepness(along(direction), *[images(6)] * 2, HALF),
    ):
        torch.testing.assert_close(at, expected)


def test_the_pull_of_r1_on_a_linear_judgement_is_its_own_direction(direction):
    penalty = r1(*steepness(along(direction), images(6), images(6, 1)))
    torch.testing.assert_close(torch.autograd.grad(penalty, direction)[0], direction.detach())


def test_a_round_judgement_is_as_steep_as_an_image_is_long():
    real, fake = images(6), 3 * images(6, seed=1)
    at_real, at_fake = steepness(half_length, real, fake)
    torch.testing.assert_close(at_real, length(real))
    torch.testing.assert_close(at_fake, length(fake))
    between, _ = steepness(half_length, real, fake, HALF)
    torch.testing.assert_close(between, length((real + fake) / 2))
    at_share_one, _ = steepness(half_length, real, fake, torch.ones(6).double())
    torch.testing.assert_close(at_share_one, length(real))


def test_the_penalties_of_known_slopes():
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([4.0, 16.0])
    assert r1(real, fake) == 1
    assert r2(real, fake) == 5
    assert r1_and_r2(real, fake) == r1(real, fake) + r2(real, fake)
    assert gradient_penalty(fake, fake).item() == pytest.approx((1**2 + 3**2) / 2)


def test_a_flat_judgement_has_a_finite_gradient_under_every_penalty():
    weight = torch.zeros(784).double().requires_grad_()
    for penalty in PENALTIES.values():
        at = steepness(lambda x: x.flatten(1) @ weight, images(6), images(6, 1))
        assert torch.autograd.grad(penalty(*at), weight)[0].isfinite().all()


def test_the_gradient_of_a_penalty_is_that_of_finite_differences():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 4), nn.Tanh(), nn.Linear(4, 1), nn.Flatten(0)).double()
    real, fake = images(3), images(3, seed=1)
    weight = network[1].bias
    penalty = lambda: r1_and_r2(*steepness(network, real, fake))  # noqa: E731
    (gradient,) = torch.autograd.grad(penalty(), weight)
    for place in range(4):
        weight.data[place] += 1e-6
        up = penalty()
        weight.data[place] -= 2e-6
        down = penalty()
        weight.data[place] += 1e-6
        assert gradient[place].item() == pytest.approx(((up - down) / 2e-6).item(), rel=1e-5)
