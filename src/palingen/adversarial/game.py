"""One step of the game: both players' gradients.

B  images      Z  inputs of the generator      K  classes
"""

from contextlib import AbstractContextManager

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from palingen.adversarial.losses import Loss, Scalar
from palingen.adversarial.penalties import Penalty

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
    penalty: tuple[Penalty, float, Float[Tensor, " B"]] | None = None,
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
        penalty: on the discriminator's slope, its factor, and a number between 0 and 1 for each pair of images.
        precision: of the networks' products.
    """

    def judgement(images: Images) -> Float[Tensor, " b"]:
        with products(precision, images.device):
            logits = discriminator(images)
        if labels is not None:
            asked = labels.repeat(len(images) // len(labels)).unsqueeze(1)
            logits = logits.gather(1, asked).squeeze(1)
        return logits.float() if logits.dtype is torch.bfloat16 else logits

    with products(precision, real.device):
        fake = generator(latents)
    fake = fake.to(real.dtype)
    real_logits, fake_logits = judgement(torch.cat([real, fake])).tensor_split(2)
    generator_loss = loss.generator(real_logits, fake_logits)
    discriminator_loss = scale * loss.discriminator(real_logits, fake_logits)
    _leave(generator_loss, generator, retain_graph=True)
    held = discriminator_loss
    if penalty is not None:
        slope, factor, shares = penalty
        held = held + factor * slope(judgement, real, fake.detach(), shares)
    _leave(held, discriminator)
    return generator_loss, discriminator_loss, (real_logits > 0).float().mean(), (fake_logits < 0).float().mean()


def products(precision: str, device: torch.device) -> AbstractContextManager[None]:
    """The context in which products are taken in `precision`."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def _leave(loss: Tensor, player: nn.Module, retain_graph: bool = False) -> None:
    weights = list(player.parameters())
    for weight, gradient in zip(weights, torch.autograd.grad(loss, weights, retain_graph=retain_graph), strict=True):
        weight.grad = gradient
