"""Interface of a training step: its setup, its inputs, its metrics, and the protocol that every engine implements.

B  images      Z  latent dimensions      K  classes
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from palingen.gan.models import Networks
from palingen.gan.objectives.gradient_penalties import GradientPenalty
from palingen.gan.objectives.losses import AdversarialLoss, Scalar


@dataclass(frozen=True)
class StepSetup:
    """Networks and objective of all steps of a training."""

    networks: Networks
    loss: AdversarialLoss
    discriminator_loss_weight: float = 1.0
    penalty: GradientPenalty | None = None
    precision: str = "float32"
    """`float32`, or `bfloat16` for bfloat16 autocast."""

    channels: int = 1
    """Channels of an image."""


@dataclass(frozen=True)
class StepInputs:
    """Inputs of one step."""

    real: Float[Tensor, "B channels 28 28"]
    """Real images in [-1, 1]."""

    latents: Float[Tensor, "B Z_and_K"]
    """Generator inputs: latents, and the one-hot classes of `labels` if conditional."""

    labels: Int64[Tensor, " B"] | None = None
    """Classes of the real images and of the generated ones; None if unconditional."""

    interpolation: Float[Tensor, " B"] | None = None
    """For an interpolated penalty, its points between fake (0) and real (1) images."""


class StepMetrics(NamedTuple):
    """Losses (penalty excluded) and the discriminator's accuracy, logits above 0 counting as real.

    Relativistic and Wasserstein discriminators may place their logits anywhere; their accuracy means little.
    """

    generator_loss: Scalar
    discriminator_loss: Scalar
    real_accuracy: Scalar
    fake_accuracy: Scalar


@runtime_checkable
class TrainStep(Protocol):
    """Gradients of both networks for one batch, both with the weights before the step."""

    def __init__(self, setup: StepSetup) -> None: ...

    @staticmethod
    def unsupported_reason(setup: StepSetup) -> str | None:
        """Reason why this engine cannot compute the step, or None."""

    def parameters(self) -> tuple[Sequence[nn.Parameter], Sequence[nn.Parameter]]:
        """Parameters of generator and discriminator for their optimisers."""

    def compute_gradients(self, inputs: StepInputs, penalty_weight: float | Tensor = 0.0) -> StepMetrics:
        """Write the gradients of both networks to their parameters' `.grad`."""


@runtime_checkable
class UpdatingStep(TrainStep, Protocol):
    """Training step that can also update both networks itself, where no other process has a part of the gradients."""

    def update(
        self, inputs: StepInputs, penalty_weight: float | Tensor, optimizers: Sequence[torch.optim.Adam]
    ) -> StepMetrics:
        """Update both networks once with the settings and moments of their optimisers; `.grad` is left as it is."""
