import pytest
import torch
from torch import nn

from palingen.adversarial.penalties import PENALTIES, gradient_penalty, r1, r1_and_r2, r2, slopes


def images(count, seed=0):
    return torch.randn(count, 1, 28, 28, generator=torch.Generator().manual_seed(seed)).double()


@pytest.fixture
def direction():
    return (images(1, seed=9)[0] / 10).requires_grad_()


HALF = torch.full((6,), 0.5).double()


def test_a_linear_judgement_has_its_directions_length_as_slope_everywhere(direction):
    judgement = lambda x: (direction * x).sum((1, 2, 3))  # noqa: E731
    length = direction.square().sum()
    torch.testing.assert_close(slopes(judgement, images(6)), length.expand(6))
    for penalty in (r1, r2):
        torch.testing.assert_close(penalty(judgement, images(6), images(6, 1), HALF), length / 2)
    torch.testing.assert_close(r1_and_r2(judgement, images(6), images(6, 1), HALF), length)
    torch.testing.assert_close(
        gradient_penalty(judgement, images(6), images(6, 1), HALF), (length.sqrt() - 1).square(), atol=1e-9, rtol=1e-9
    )


def test_the_pull_of_r1_on_a_linear_judgement_is_its_own_direction(direction):
    judgement = lambda x: (direction * x).sum((1, 2, 3))  # noqa: E731
    (pull,) = torch.autograd.grad(r1(judgement, images(6), images(6, 1), HALF), direction)
    torch.testing.assert_close(pull, direction.detach())


def test_a_round_judgement_is_as_steep_as_an_image_is_long():
    judgement = lambda x: x.square().flatten(1).sum(1) / 2  # noqa: E731
    real, fake = images(6), 3 * images(6, seed=1)
    length = lambda x: x.square().flatten(1).sum(1)  # noqa: E731
    torch.testing.assert_close(r1(judgement, real, fake, HALF), length(real).mean() / 2)
    torch.testing.assert_close(r2(judgement, real, fake, HALF), length(fake).mean() / 2)
    middle = (length((real + fake) / 2).sqrt() - 1).square().mean()
    torch.testing.assert_close(gradient_penalty(judgement, real, fake, HALF), middle)
    ones = torch.ones(6).double()  # a share of one is the real image itself
    torch.testing.assert_close(gradient_penalty(judgement, real, fake, ones), (length(real).sqrt() - 1).square().mean())


def test_r1_and_r2_in_one_pass_are_their_sum_gradients_included():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0)).double()
    real, fake = images(6), images(6, seed=1)
    together = r1_and_r2(network, real, fake, HALF)
    apart = r1(network, real, fake, HALF) + r2(network, real, fake, HALF)
    torch.testing.assert_close(together, apart)
    weights = list(network.parameters())[:-1]  # the last bias changes no slope
    for one, other in zip(torch.autograd.grad(together, weights), torch.autograd.grad(apart, weights), strict=True):
        torch.testing.assert_close(one, other)


def test_a_flat_judgement_has_a_finite_gradient_under_every_penalty():
    weight = torch.zeros(784, requires_grad=True).double()
    weight.retain_grad()
    for penalty in PENALTIES.values():
        (pull,) = torch.autograd.grad(penalty(lambda x: x.flatten(1) @ weight, images(6), images(6, 1), HALF), weight)
        assert pull.isfinite().all()
