"""One step of the game: both players' gradients.

B  images      Z  inputs of the generator      K  classes
"""

from contextlib import AbstractContextManager

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from palingen.adversarial.losses import Loss, Scalar
from palingen.adversarial.penalties import Penalty, steepness
from palingen.adversarial.pieces import Way

Images = Float[Tensor, "B channels 28 28"]
Labels = Int64[Tensor, " B"]


def play(
    generator: nn.Module,
    discriminator: nn.Module,
    loss: Loss,
    scale: float,
    real: Images,
    latents: Float[Tensor, "B Z"],
    labels: Labels | None = None,
    penalty: tuple[Penalty, float] | None = None,
    shares: Float[Tensor, " B"] | None = None,
    precision: str = "float32",
) -> tuple[Scalar, Scalar, Scalar, Scalar]:
    """Leave each player's gradient in its `.grad`; both losses and the discriminator's accuracy on real and fake.

    The generator's step would come first and the discriminator's second, but neither changes what the other looks at:
    the discriminator still judges the images made before the generator moved. So one pass over real and fake serves
    both. (A discriminator with BatchNorm would mix the two halves and must not be used here.)

    Args:
        generator: draws.
        discriminator: tells apart.
        loss: the game's two sides.
        scale: factor of the discriminator's loss, its penalty not included.
        real: images in -1 to 1.
        latents: the generator's inputs; with classes, those of `labels`.
        labels: the classes of the real images, and of the generated ones; None if nobody asks.
        penalty: on the discriminator's slope, and its factor.
        shares: a number between 0 and 1 for each pair of images, if the slope between the two counts.
        precision: of the networks' products.
    """

    def judgement(images: Images) -> Float[Tensor, " b"]:
        with products(precision, images.device):
            return _asked(discriminator(images), labels)

    with products(precision, real.device):
        fake = generator(latents)
    fake = fake.to(real.dtype)
    real_logits, fake_logits = judgement(torch.cat([real, fake])).tensor_split(2)
    generator_loss = loss.generator(real_logits, fake_logits)
    discriminator_loss = scale * loss.discriminator(real_logits, fake_logits)
    _leave(generator_loss, generator, retain_graph=True)
    held = discriminator_loss
    if penalty is not None:
        slope, factor = penalty
        held = held + factor * slope(*steepness(judgement, real, fake.detach(), shares))
    _leave(held, discriminator)
    return generator_loss, discriminator_loss, (real_logits > 0).float().mean(), (fake_logits < 0).float().mean()


def play_by_pieces(
    generator: nn.Module,
    discriminator: nn.Module,
    loss: Loss,
    scale: float,
    real: Images,
    latents: Float[Tensor, "B Z"],
    labels: Labels | None,
    penalty: tuple[Penalty, float],
    precision: str = "float32",
) -> tuple[Scalar, Scalar, Scalar, Scalar]:
    """`play` under a penalty on the slopes at the images themselves: the same gradients, sooner.

    The discriminator looks at each image x by itself, so the generator's loss reaches x as (dL/dD(x)) (dD/dx), and
    dD/dx is the slope that the penalty needs anyway. The discriminator's own gradient is that of `pieces`.

    Raises:
        NotPiecewiseLinearError: if the discriminator is more than linear layers, leaky rectifiers and means.
    """
    with products(precision, real.device):
        fake = generator(latents)
    images, way = torch.cat([real, fake.detach().to(real.dtype)]).requires_grad_(), Way()
    with products(precision, real.device), way:
        judged = discriminator(images)
    logits = _asked(judged, labels)
    (slopes,) = torch.autograd.grad(logits.sum(), images)
    logits = logits.detach().requires_grad_()
    real_logits, fake_logits = logits.tensor_split(2)
    generator_loss = loss.generator(real_logits, fake_logits)
    discriminator_loss = scale * loss.discriminator(real_logits, fake_logits)
    (pull,) = torch.autograd.grad(generator_loss, fake_logits, retain_graph=True)
    (factors,) = torch.autograd.grad(discriminator_loss, logits)
    slope, gamma = penalty
    held = slopes.square().flatten(1).sum(1).requires_grad_()
    (push,) = torch.autograd.grad(gamma * slope(*held.tensor_split(2)), held)
    with products(precision, real.device):
        gradients = way.gradients(discriminator, 2 * push.view(-1, 1, 1, 1) * slopes, factors)
    for weight in discriminator.parameters():
        weight.grad = gradients[weight]
    toward = slopes.tensor_split(2)[1] * pull.view(-1, 1, 1, 1)
    _leave(fake, generator, toward.to(fake.dtype))
    return generator_loss, discriminator_loss, (real_logits > 0).float().mean(), (fake_logits < 0).float().mean()


def _asked(logits: Tensor, labels: Labels | None) -> Float[Tensor, " b"]:
    """Each image's logit, of the class it was made for if there are classes, in full precision."""
    if labels is not None:
        logits = logits.gather(1, labels.repeat(len(logits) // len(labels)).unsqueeze(1)).squeeze(1)
    return logits.float() if logits.dtype is torch.bfloat16 else logits


def products(precision: str, device: torch.device) -> AbstractContextManager[None]:
    """The context in which products are taken in `precision`."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def emulated(precision: str, device: torch.device) -> bool:
    """Whether oneDNN takes these products in software on this processor, several times as slowly as in float32."""
    asked = precision == "bfloat16" and device.type == "cpu" and torch.backends.mkldnn.is_available()
    return asked and not torch.ops.mkldnn._is_mkldnn_bf16_supported()


def _leave(loss: Tensor, player: nn.Module, toward: Tensor | None = None, *, retain_graph: bool = False) -> None:
    weights = list(player.parameters())
    gradients = torch.autograd.grad(loss, weights, toward, retain_graph=retain_graph)
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient
