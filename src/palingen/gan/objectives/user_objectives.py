"""Losses and penalties that a config names: built-in ones, and those of a user, which are tried on four numbers.

B  images, of the trial
"""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from palingen.gan.objectives.gradient_penalties import PENALTIES, GradientPenalty
from palingen.gan.objectives.losses import LOSSES, AdversarialLoss
from palingen.runtime.errors import ConfigError
from palingen.runtime.user_module import load_part

B = 4


def load_loss(loss: str) -> AdversarialLoss:
    """Loss that a config names.

    Raises:
        ConfigError: a user's file fails, has no such object, or the object is no loss.
        RunError: the loss was read from a run, and nobody has trusted its code.
    """
    return load_part("loss", loss, LOSSES, AdversarialLoss, _check_loss)


def load_penalty(penalty: str) -> GradientPenalty:
    """Gradient penalty that a config names.

    Raises:
        ConfigError: a user's file fails, has no such object, or the object is no penalty.
        RunError: the penalty was read from a run, and nobody has trusted its code.
    """
    return load_part("penalty", penalty, PENALTIES, GradientPenalty, _check_penalty)


def _check_loss(loss: AdversarialLoss) -> None:
    random = Generator().manual_seed(0)
    real, fake = (torch.randn(B, generator=random).requires_grad_() for _ in range(2))
    _require_scalar("generator", loss.generator(real, fake), [fake], "the logits of fake images")
    _require_scalar("discriminator", loss.discriminator(real, fake), [real, fake], "the logits")


def _check_penalty(penalty: GradientPenalty) -> None:
    random = Generator().manual_seed(0)
    real, fake = ((0.5 + torch.rand(B, generator=random)).requires_grad_() for _ in range(2))
    if penalty.interpolated:
        fake = real
    _require_scalar("of_norms", penalty.of_norms(real, fake), [real, fake], "the squared gradient norms")


def _require_scalar(name: str, value: object, inputs: Sequence[Tensor], description: str) -> None:
    """Raise ConfigError unless a function returned one finite number with a finite gradient."""
    if not isinstance(value, Tensor) or value.shape != ():
        described = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise ConfigError(f"{name} returns {described} for {B} images, must return a tensor of shape ()")
    if value.dtype != torch.float32:
        raise ConfigError(f"{name} returns {value.dtype} for float32, must keep the dtype")
    if not bool(value.isfinite()):
        raise ConfigError(f"{name} returns {value.item()}, must be a finite number")
    gradients = torch.autograd.grad(value, inputs, allow_unused=True) if value.requires_grad else ()
    used = [gradient for gradient in gradients if gradient is not None]
    if not used or not all(bool(gradient.isfinite().all()) for gradient in used):
        raise ConfigError(f"{name} has no finite gradient with respect to {description}; it must be differentiable")
