"""Training step by autograd, for every architecture, loss and penalty; the other engines must equal it."""

import torch
from torch import Tensor, nn

from palingen.gan.objectives.gradient_penalties import GradientPenalty, squared_gradient_norms
from palingen.gan.steps.forward import autocast, losses_and_accuracies, select_logits, set_gradients
from palingen.gan.steps.protocol import StepInputs, StepMetrics, StepSetup


class AutogradStep:
    """Gradients by autograd; a penalty differentiates the discriminator twice.

    One discriminator pass over real and fake images serves both losses: the generator is updated first, but the
    discriminator's loss still uses the images made before that update.
    """

    def __init__(self, setup: StepSetup) -> None:
        self.setup = setup

    @staticmethod
    def unsupported_reason(setup: StepSetup) -> str | None:
        """Return None: autograd supports everything."""
        return None

    def parameters(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Parameters of generator and discriminator."""
        generator, discriminator = self.setup.networks
        return list(generator.parameters()), list(discriminator.parameters())

    def compute_gradients(self, inputs: StepInputs, penalty_weight: float | Tensor = 0.0) -> StepMetrics:
        """Write the gradients of both networks to their parameters' `.grad`."""
        (generator, discriminator), real = self.setup.networks, inputs.real
        with autocast(self.setup.precision, real.device):
            fake = generator(inputs.latents)
        fake = fake.to(real.dtype)
        metrics = losses_and_accuracies(self.setup, self._logits(torch.cat([real, fake]), inputs))
        set_gradients(metrics.generator_loss, generator, retain_graph=True)
        objective = metrics.discriminator_loss
        if self.setup.penalty:
            objective = objective + penalty_weight * self._penalty(self.setup.penalty, inputs, fake.detach())
        set_gradients(objective, discriminator)
        return metrics

    def _logits(self, images: Tensor, inputs: StepInputs) -> Tensor:
        with autocast(self.setup.precision, images.device):
            return select_logits(self.setup.networks.discriminator(images), inputs.labels)

    def _penalty(self, penalty: GradientPenalty, inputs: StepInputs, fake: Tensor) -> Tensor:
        def logits_of(images: Tensor) -> Tensor:
            return self._logits(images, inputs)

        if not penalty.interpolated:
            norms = squared_gradient_norms(logits_of, torch.cat([inputs.real, fake]))
            return penalty.of_norms(*norms.tensor_split(2))
        if inputs.interpolation is None:
            raise ValueError("interpolation=None: an interpolated penalty needs its points between fake and real")
        position = inputs.interpolation.view(-1, 1, 1, 1)
        norms = squared_gradient_norms(logits_of, position * inputs.real + (1 - position) * fake)
        return penalty.of_norms(norms, norms)
