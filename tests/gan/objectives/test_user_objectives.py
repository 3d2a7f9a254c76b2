"""Losses and penalties of users: tried on four numbers before anything else."""

import pytest
import torch
from user_parts import GAN, write_code

from palingen.gan.config import GanConfig
from palingen.gan.objectives.losses import LOSSES
from palingen.gan.objectives.user_objectives import load_loss, load_penalty
from palingen.runtime.errors import ConfigError

BAD = (
    GAN
    + """
import torch
bce = losses.bce_discriminator
Vector = AdversarialLoss(lambda real, fake: softplus(-fake), bce)
Number = AdversarialLoss(lambda real, fake: 1.0, bce)
Blind = AdversarialLoss(lambda real, fake: softplus(-real).mean(), bce)
Double = AdversarialLoss(lambda real, fake: fake.double().mean(), bce)
Infinite = AdversarialLoss(lambda real, fake: (fake / 0).sum(), bce)
Side = AdversarialLoss(lambda real, fake: fake.mean(), lambda real, fake: real)
Step = GradientPenalty(lambda real, fake: (real > 0).float().mean())
Norms = GradientPenalty(lambda real, fake: real)
Raises = GradientPenalty(lambda real, fake: real.foo)
Root = GradientPenalty(lambda real, fake: (real - real).sqrt().sum())
"""
)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Vector", r"generator returns a tensor of shape \(4,\) for 4 images, must return a tensor of shape \(\)"),
        ("Number", r"generator returns float for 4 images, must return a tensor of shape \(\)"),
        ("Blind", "generator has no finite gradient with respect to the logits of fake images; it must be diff"),
        ("Double", r"generator returns torch\.float64 for float32"),
        ("Infinite", "generator returns (nan|-?inf), must be a finite number"),
        ("Side", r"discriminator returns a tensor of shape \(4,\)"),
        ("Penalty", "is of type GradientPenalty, must be of type AdversarialLoss"),
        ("Los", "unknown 'Los'; did you mean 'Loss'"),
    ],
)
def test_a_loss_that_does_not_fit_is_refused_in_one_line(tmp_path, name, problem):
    config = GanConfig(loss=f"{write_code(tmp_path, BAD)}:{name}")
    with pytest.raises(ConfigError, match=rf"^loss='.*mine\.py:{name}': {problem}"):
        load_loss(config.loss)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Step", "of_norms has no finite gradient with respect to the squared gradient norms"),
        ("Norms", r"of_norms returns a tensor of shape \(4,\)"),
        ("Raises", r".*mine\.py:25: AttributeError: 'Tensor' object has no attribute 'foo'"),
        ("Root", "of_norms has no finite gradient"),
        ("Loss", "is of type AdversarialLoss, must be of type GradientPenalty"),
    ],
)
def test_a_penalty_that_does_not_fit_is_refused_in_one_line(tmp_path, name, problem):
    config = GanConfig(penalty=f"{write_code(tmp_path, BAD)}:{name}")
    with pytest.raises(ConfigError, match=rf"^penalty='.*mine\.py:{name}': {problem}"):
        load_penalty(config.penalty)


def test_parts_that_fit_are_those_of_the_file(tmp_path):
    path = write_code(tmp_path, GAN)
    config = GanConfig(loss=f"{path}:Loss", penalty=f"{path}:Penalty")
    assert load_loss(config.loss).generator(torch.zeros(2), torch.zeros(2)) == pytest.approx(0.6931472)
    assert load_penalty(config.penalty).of_norms(torch.ones(2), torch.zeros(2)) == 0.5
    assert load_loss("hinge") is LOSSES["hinge"]
