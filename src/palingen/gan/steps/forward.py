"""Forward passes and gradients that several engines share.

B  images      b  images, or 2 B      K  classes
"""

from contextlib import AbstractContextManager

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from palingen.gan.objectives.losses import Logits
from palingen.gan.steps.protocol import StepMetrics, StepSetup
from palingen.runtime.torch_private import has_bfloat16


def autocast(precision: str, device: torch.device) -> AbstractContextManager[None]:
    """Autocast to bfloat16 if `precision` says so, else nothing."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def is_bfloat16_emulated(precision: str, device: torch.device) -> bool:
    """Whether this CPU has no bfloat16 arithmetic, so that oneDNN emulates it, several times slower than float32."""
    on_cpu = precision == "bfloat16" and device.type == "cpu" and torch.backends.mkldnn.is_available()
    return on_cpu and not has_bfloat16()


def select_logits(
    logits: Float[Tensor, "b"] | Float[Tensor, "b K"], labels: Int64[Tensor, " B"] | None
) -> Float[Tensor, " b"]:
    """Logit of each image, of its own class if conditional, in at least float32."""
    if labels is not None:
        logits = logits.gather(1, labels.repeat(len(logits) // len(labels)).unsqueeze(1)).squeeze(1)
    return logits.float() if logits.dtype is torch.bfloat16 else logits


def losses_and_accuracies(setup: StepSetup, logits: Float[Tensor, " b"]) -> StepMetrics:
    """Metrics of one step from the logits of real images, then of fake ones; the losses are differentiable."""
    real, fake = logits.tensor_split(2)
    return StepMetrics(
        setup.loss.generator(real, fake),
        setup.discriminator_loss_weight * setup.loss.discriminator(real, fake),
        accuracy(real),
        accuracy(-fake),
    )


@torch.enable_grad()
def loss_gradients(setup: StepSetup, logits: Float[Tensor, " b"]) -> tuple[StepMetrics, Tensor, Tensor]:
    """Metrics, and the derivatives of the generator's and the discriminator's loss with respect to each logit."""
    logits = logits.detach().requires_grad_()
    metrics = losses_and_accuracies(setup, logits)
    (dG_dlogits,) = torch.autograd.grad(metrics.generator_loss, logits, retain_graph=True)
    (dL_dlogits,) = torch.autograd.grad(metrics.discriminator_loss, logits)
    return StepMetrics(*(metric.detach() for metric in metrics)), dG_dlogits, dL_dlogits


def accuracy(logits: Logits) -> Float[Tensor, ""]:
    """Fraction of logits above 0."""
    return (logits > 0).float().mean()


def set_gradients(
    output: Tensor, network: nn.Module, grad_output: Tensor | None = None, *, retain_graph: bool = False
) -> None:
    """Write d output / d parameters of `network` (times `grad_output`) to their `.grad`."""
    parameters = list(network.parameters())
    gradients = torch.autograd.grad(output, parameters, grad_output, retain_graph=retain_graph)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
