import math

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy

from palingen.adversarial.losses import LOSSES, cross_entropy, non_saturating, saturating

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
    _, fake = logits
    expected = binary_cross_entropy(fake.sigmoid(), torch.ones_like(fake))
    torch.testing.assert_close(non_saturating(fake), expected, rtol=1e-6, atol=1e-8)


@given(logits=both)
def test_the_minimax_game_is_zero_sum_but_for_what_the_generator_cannot_change(logits):
    real, fake = logits
    value = -cross_entropy(real, fake)
    real_part = -torch.nn.functional.softplus(-real).mean()
    torch.testing.assert_close(value, real_part + saturating(fake))


def test_a_discriminator_that_cannot_tell_loses_log_four():
    undecided = torch.zeros(3)
    assert math.isclose(cross_entropy(undecided, undecided).item(), math.log(4), rel_tol=1e-6)


def test_the_saturating_loss_has_no_slope_where_the_other_has():
    sure = torch.tensor([-15.0], requires_grad=True)
    (flat,) = torch.autograd.grad(saturating(sure), sure)
    (steep,) = torch.autograd.grad(non_saturating(sure), sure)
    assert abs(flat.item()) < 1e-6
    assert abs(steep.item() + 1) < 1e-6


def test_no_loss_overflows():
    for loss in LOSSES.values():
        extreme = torch.tensor([-1e4, 1e4])
        assert loss.generator(extreme).isfinite()
        assert loss.discriminator(extreme, extreme).isfinite()
