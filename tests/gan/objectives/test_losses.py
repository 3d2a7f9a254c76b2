import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy

from palingen.gan.objectives.losses import (
    LOSSES,
    bce_discriminator,
    hinge_discriminator,
    minimax_generator,
    non_saturating_generator,
)

numbers = st.floats(-20, 20)
real_and_fake = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=20).map(
    lambda rows: torch.tensor(rows).double().T
)
"""Logits of real and of fake images."""


@given(logits=real_and_fake)
def test_the_discriminators_loss_is_binary_cross_entropy_on_real_plus_on_fake_images(logits):
    real, fake = logits
    expected = binary_cross_entropy(real.sigmoid(), torch.ones_like(real)) + binary_cross_entropy(
        fake.sigmoid(), torch.zeros_like(fake)
    )
    torch.testing.assert_close(bce_discriminator(real, fake), expected, rtol=1e-6, atol=1e-8)  # 1 - sigma(20) rounds


@given(logits=real_and_fake)
def test_the_non_saturating_loss_is_binary_cross_entropy_against_the_label_real(logits):
    real, fake = logits
    expected = binary_cross_entropy(fake.sigmoid(), torch.ones_like(fake))
    torch.testing.assert_close(non_saturating_generator(real, fake), expected, rtol=1e-6, atol=1e-8)


@given(logits=real_and_fake)
def test_the_minimax_losses_sum_to_the_loss_on_real_images_which_the_generator_cannot_change(logits):
    real, fake = logits
    loss_on_real = torch.nn.functional.softplus(-real).mean()
    torch.testing.assert_close(bce_discriminator(real, fake) + minimax_generator(real, fake), loss_on_real)


def test_logits_of_zero_give_the_discriminator_a_loss_of_log_four():
    zeros = torch.zeros(3)
    assert math.isclose(bce_discriminator(zeros, zeros).item(), math.log(4), rel_tol=1e-6)


def test_the_minimax_loss_has_no_gradient_where_the_non_saturating_loss_has_one():
    confidently_fake = torch.tensor([-15.0], requires_grad=True)
    (minimax,) = torch.autograd.grad(minimax_generator(confidently_fake, confidently_fake), confidently_fake)
    (steep,) = torch.autograd.grad(non_saturating_generator(confidently_fake, confidently_fake), confidently_fake)
    assert abs(minimax.item()) < 1e-6
    assert abs(steep.item() + 1) < 1e-6


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_no_loss_overflows_at_logits_of_ten_thousand(loss):
    extreme = torch.tensor([-1e4, 1e4])
    assert loss.generator(extreme, extreme).isfinite()
    assert loss.discriminator(extreme, extreme).isfinite()


@given(logits=real_and_fake)
def test_relativistic_losses_are_symmetric_and_depend_on_differences_of_logits_only(logits):
    real, fake = logits
    loss = LOSSES["relativistic"]
    torch.testing.assert_close(loss.generator(real, fake), loss.discriminator(fake, real))
    torch.testing.assert_close(loss.discriminator(real, fake), loss.discriminator(real + 7, fake + 7))
    assert math.isclose(loss.discriminator(real, real).item(), math.log(2), rel_tol=1e-9)


@given(logits=real_and_fake)
def test_wasserstein_losses_are_a_difference_of_means_and_minus_the_mean_of_fake_logits(logits):
    real, fake = logits
    loss = LOSSES["wasserstein"]
    torch.testing.assert_close(loss.discriminator(real, fake), fake.mean() - real.mean())
    torch.testing.assert_close(loss.generator(real, fake), -fake.mean())


def test_least_squares_losses_are_zero_at_their_targets_and_known_half_way():
    loss, one, zero = LOSSES["least-squares"], torch.ones(3), torch.zeros(3)
    assert loss.discriminator(one, zero) == 0
    assert loss.generator(zero, one) == 0
    assert loss.discriminator(one / 2, one / 2) == 0.25
    assert loss.generator(zero, one / 2) == 0.125


def test_the_hinge_loss_has_no_gradient_beyond_its_margin():
    beyond = torch.tensor([5.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(hinge_discriminator(beyond, -beyond), beyond)
    assert gradient == 0
    assert hinge_discriminator(torch.zeros(2), torch.zeros(2)) == 2


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_the_generator_raises_fake_logits_and_the_discriminator_raises_real_above_fake_ones(loss):
    real, fake = torch.tensor([0.3], requires_grad=True), torch.tensor([0.2], requires_grad=True)
    (generator_grad,) = torch.autograd.grad(loss.generator(real, fake), fake)
    assert generator_grad < 0
    real_grad, fake_grad = torch.autograd.grad(loss.discriminator(real, fake), (real, fake))
    assert real_grad < 0 < fake_grad
