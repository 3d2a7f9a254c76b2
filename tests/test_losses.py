import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy

from palingen.adversarial.losses import LOSSES, cross_entropy, hinge, non_saturating, saturating

numbers = st.floats(-20, 20)
both = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=20).map(lambda rows: torch.tensor(rows).double().T)


@given(logits=both)
def test_the_discriminators_loss_is_binary_cross_entropy_on_real_plus_fake(logits):
    real, fake = logits
    expected = binary_cross_entropy(real.sigmoid(), torch.ones_like(real)) + binary_cross_entropy(
        fake.sigmoid(), torch.zeros_like(fake)
    )
    torch.testing.assert_close(cross_entropy(real, fake), expected, rtol=1e-6, atol=1e-8)  # 1 - sigma(20) rounds


@given(logits=both)
def test_the_non_saturating_loss_is_cross_entropy_against_the_label_real(logits):
    real, fake = logits
    expected = binary_cross_entropy(fake.sigmoid(), torch.ones_like(fake))
    torch.testing.assert_close(non_saturating(real, fake), expected, rtol=1e-6, atol=1e-8)


@given(logits=both)
def test_the_minimax_game_is_zero_sum_but_for_what_the_generator_cannot_change(logits):
    real, fake = logits
    value = -cross_entropy(real, fake)
    real_part = -torch.nn.functional.softplus(-real).mean()
    torch.testing.assert_close(value, real_part + saturating(real, fake))


def test_a_discriminator_that_cannot_tell_loses_log_four():
    undecided = torch.zeros(3)
    assert math.isclose(cross_entropy(undecided, undecided).item(), math.log(4), rel_tol=1e-6)


def test_the_saturating_loss_has_no_slope_where_the_other_has():
    sure = torch.tensor([-15.0], requires_grad=True)
    (flat,) = torch.autograd.grad(saturating(sure, sure), sure)
    (steep,) = torch.autograd.grad(non_saturating(sure, sure), sure)
    assert abs(flat.item()) < 1e-6
    assert abs(steep.item() + 1) < 1e-6


def test_no_loss_overflows():
    for loss in LOSSES.values():
        extreme = torch.tensor([-1e4, 1e4])
        assert loss.generator(extreme, extreme).isfinite()
        assert loss.discriminator(extreme, extreme).isfinite()


@given(logits=both)
def test_the_relativistic_game_is_symmetric_and_sees_only_differences(logits):
    real, fake = logits
    loss = LOSSES["relativistic"]
    torch.testing.assert_close(loss.generator(real, fake), loss.discriminator(fake, real))
    torch.testing.assert_close(loss.discriminator(real, fake), loss.discriminator(real + 7, fake + 7))
    assert math.isclose(loss.discriminator(real, real).item(), math.log(2), rel_tol=1e-9)


@given(logits=both)
def test_the_wasserstein_game_is_zero_sum_and_the_critics_loss_is_a_difference_of_means(logits):
    real, fake = logits
    loss = LOSSES["wasserstein"]
    torch.testing.assert_close(loss.discriminator(real, fake), fake.mean() - real.mean())
    torch.testing.assert_close(loss.generator(real, fake), -fake.mean())


def test_least_squares_are_zero_where_each_player_has_its_wish_and_a_quarter_between():
    loss, one, zero = LOSSES["least-squares"], torch.ones(3), torch.zeros(3)
    assert loss.discriminator(one, zero) == 0
    assert loss.generator(zero, one) == 0
    assert loss.discriminator(one / 2, one / 2) == 0.25
    assert loss.generator(zero, one / 2) == 0.125


def test_the_hinge_asks_for_no_more_than_its_margin():
    far = torch.tensor([5.0], requires_grad=True)
    (slope,) = torch.autograd.grad(hinge(far, -far), far)
    assert slope == 0
    assert hinge(torch.zeros(2), torch.zeros(2)) == 2


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_each_player_wants_what_its_name_says(loss):
    """The generator raises fake logits; the discriminator raises real ones above fake ones."""
    real, fake = torch.tensor([0.3], requires_grad=True), torch.tensor([0.2], requires_grad=True)
    (up,) = torch.autograd.grad(loss.generator(real, fake), fake)
    assert up < 0
    of_real, of_fake = torch.autograd.grad(loss.discriminator(real, fake), (real, fake))
    assert of_real < 0 < of_fake
