"""R1/R2 gradients without double backward, for piecewise-linear discriminators: four passes instead of six.

A discriminator D of linear layers, convolutions and LeakyReLUs is linear around each image x_i. For one layer with
weight W, let a_i be its input, d_i the gradient of D(x_i) with respect to its output, and t_i its input tangent when a
tangent u_i is propagated from the image: through the same products without bias, each LeakyReLU with its slope at x_i.
Then

    grad_W sum_i (c_i D(x_i) + u_i . dD/dx_i) = sum_i d_i (c_i a_i + t_i)^T.

With c_i the derivative of the discriminator's loss with respect to logit i, and u_i that of the penalty with respect to
dD/dx_i, one product per layer gives the gradient of both. Double backward computes the same in two more passes. The
generator's gradient with respect to image x_i is (dG/dD(x_i)) (dD/dx_i), and the penalty needs dD/dx_i anyway.

b  real and fake images together
"""

import torch
from torch import Tensor, nn

from palingen.gan.data.mnist import IMAGE_SIZE
from palingen.gan.steps.forward import autocast, loss_gradients, select_logits, set_gradients
from palingen.gan.steps.layer_recorder import LayerRecorder, NotPiecewiseLinearError
from palingen.gan.steps.protocol import StepInputs, StepMetrics, StepSetup
from palingen.runtime.torch_private import has_hooks


class PenaltyJvpStep:
    """Gradients under an R1 or R2 penalty with one forward pass of tangents instead of double backward."""

    def __init__(self, setup: StepSetup) -> None:
        self.setup = setup

    @staticmethod
    def unsupported_reason(setup: StepSetup) -> str | None:
        """Reason why the penalty or the discriminator is not supported, or None."""
        if setup.penalty is None or setup.penalty.interpolated:
            return "needs a penalty at the images themselves (r1, r2, r1-r2)"
        discriminator = setup.networks.discriminator
        parameter, recorder = next(discriminator.parameters()), LayerRecorder()
        shape = 1, setup.channels, IMAGE_SIZE, IMAGE_SIZE
        image = torch.zeros(shape, dtype=parameter.dtype, device=parameter.device, requires_grad=True)
        try:
            with recorder:
                discriminator(image)
        except NotPiecewiseLinearError as error:
            return f"needs a piecewise-linear discriminator; it contains {error}"
        if not {*discriminator.parameters()} <= {weight for layer in recorder.layers for weight in layer.parameters}:
            return "needs a discriminator whose weights are all those of its linear layers and convolutions"
        if has_hooks(discriminator):
            return "supports no hooks"
        return None

    def parameters(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Parameters of generator and discriminator."""
        generator, discriminator = self.setup.networks
        return list(generator.parameters()), list(discriminator.parameters())

    def compute_gradients(self, inputs: StepInputs, penalty_weight: float | Tensor = 0.0) -> StepMetrics:
        """Write the gradients of both networks to their parameters' `.grad`."""
        setup, real = self.setup, inputs.real
        generator, discriminator = setup.networks
        with autocast(setup.precision, real.device):
            fake = generator(inputs.latents)
        images, recorder = torch.cat([real, fake.detach().to(real.dtype)]).requires_grad_(), LayerRecorder()
        with autocast(setup.precision, real.device), recorder:
            outputs = discriminator(images)
        logits = select_logits(outputs, inputs.labels)
        (dD_dimages,) = torch.autograd.grad(logits.sum(), images)

        metrics, dG_dlogits, dL_dlogits = loss_gradients(setup, logits)
        dP_dnorms = self._penalty_gradient(dD_dimages, penalty_weight)
        with autocast(setup.precision, real.device):
            tangents = 2 * dP_dnorms.view(-1, 1, 1, 1) * dD_dimages
            gradients = recorder.gradients(discriminator, tangents, dL_dlogits)
        for parameter in discriminator.parameters():
            parameter.grad = gradients[parameter]
        of_fake = slice(len(real), None)
        dG_dfake = dG_dlogits[of_fake].view(-1, 1, 1, 1) * dD_dimages[of_fake]
        set_gradients(fake, generator, dG_dfake.to(fake.dtype))
        return metrics

    @torch.enable_grad()
    def _penalty_gradient(self, dD_dimages: Tensor, penalty_weight: float | Tensor) -> Tensor:
        """Derivative of the weighted penalty with respect to each squared gradient norm."""
        assert self.setup.penalty is not None  # checked by unsupported_reason
        norms = dD_dimages.square().flatten(1).sum(1).requires_grad_()
        penalty = penalty_weight * self.setup.penalty.of_norms(*norms.tensor_split(2))
        (gradient,) = torch.autograd.grad(penalty, norms)
        return gradient
