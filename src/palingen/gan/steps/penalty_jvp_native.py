"""R1/R2 gradients without double backward for the residual networks, with their convolutions in C++ (`residual`)."""

from functools import cache

import torch
from torch import nn

from palingen.gan.models.residual import ResidualDiscriminator, ResidualGenerator
from palingen.gan.steps.forward import loss_gradients
from palingen.gan.steps.penalty_jvp import PenaltyJvpStep
from palingen.gan.steps.protocol import StepInputs, StepMetrics, StepSetup
from palingen.gan.steps.residual.library import LANES, unavailable_reason
from palingen.gan.steps.residual.networks import NativeDiscriminator, NativeGenerator
from palingen.gan.steps.structure import LayerKind, layer_kinds, unsupported_use


class PenaltyJvpNativeStep(PenaltyJvpStep):
    """`PenaltyJvpStep` for the residual networks in bfloat16 on a CPU."""

    def __init__(self, setup: StepSetup) -> None:
        super().__init__(setup)
        generator, discriminator = setup.networks
        assert isinstance(generator, ResidualGenerator)  # checked by unsupported_reason
        assert isinstance(discriminator, ResidualDiscriminator)
        self.generator, self.discriminator = NativeGenerator(generator), NativeDiscriminator(discriminator)

    @staticmethod
    def unsupported_reason(setup: StepSetup) -> str | None:
        """Reason why the penalty, the networks or the machine are not supported, or None."""
        generator, discriminator = setup.networks
        if setup.penalty is None or setup.penalty.interpolated:
            return "needs a penalty at the images themselves (r1, r2, r1-r2)"
        if type(generator) is not ResidualGenerator or type(discriminator) is not ResidualDiscriminator:
            return "needs architecture='residual'"
        if tuple(map(layer_kinds, setup.networks)) != _residual_layer_kinds():
            return "needs architecture='residual', and these networks have other layers"
        if reason := unsupported_use(generator, discriminator):
            return reason
        parameters = [parameter for network in setup.networks for parameter in network.parameters()]
        if any(parameter.device.type != "cpu" or parameter.dtype != torch.float32 for parameter in parameters):
            return "computes on a CPU, with weights in float32"
        if setup.precision != "bfloat16":
            return "needs precision='bfloat16'"
        if not all(_fills_vectors(layer) for network in setup.networks for layer in network.modules()):
            return f"needs widths that are multiples of {LANES}"
        return unavailable_reason()

    @torch.no_grad()
    def compute_gradients(self, inputs: StepInputs, penalty_weight: float | torch.Tensor = 0.0) -> StepMetrics:
        """Write the gradients of both networks to their parameters' `.grad`."""
        real, labels = inputs.real, inputs.labels
        fake = self.generator.forward(inputs.latents)
        rows = torch.zeros(len(real), dtype=torch.int64) if labels is None else labels
        logits = self.discriminator.forward(torch.cat([real, fake]), rows.repeat(2))
        dD_dimages = self.discriminator.image_grad()
        metrics, dG_dlogits, dL_dlogits = loss_gradients(self.setup, logits)
        tangents = 2 * self._penalty_gradient(dD_dimages, penalty_weight).view(-1, 1, 1, 1) * dD_dimages
        self.discriminator.write_grads(tangents, dL_dlogits)
        of_fake = slice(len(real), None)
        self.generator.write_grads(dG_dlogits[of_fake].view(-1, 1, 1, 1) * dD_dimages[of_fake])
        return metrics


@cache
def _residual_layer_kinds() -> tuple[list[LayerKind], list[LayerKind]]:
    with torch.device("meta"):
        return layer_kinds(ResidualGenerator(1, 1)), layer_kinds(ResidualDiscriminator(1, 0))


def _fills_vectors(layer: nn.Module) -> bool:
    """Whether the channels that a convolution's first axis counts are whole vectors; those of images are unfolded."""
    return not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) or layer.weight.shape[0] % LANES == 0
