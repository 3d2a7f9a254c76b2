"""Adversarial losses as functions of logits.

    V(D, G) = E_p[log D(X)] + E_q[log(1 - D(G(Z)))],   min over G, max over D        (10)

with D(x) = sigma(logit), so that -log D = softplus(-logit) and -log(1 - D) = softplus(logit): binary cross-entropy,
stable for any logit. To add a loss, write its two sides and add one line to `LOSSES` and to `LossName`. Both sides get
the logits of real and of fake images, since relativistic losses compare them; the other losses ignore one of the two.

    B  images
"""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import relu, softplus

Logits = Float[Tensor, " B"]
Scalar = Float[Tensor, ""]
LossFunction = Callable[[Logits, Logits], Scalar]


@dataclass(frozen=True)
class AdversarialLoss:
    """Losses of generator and discriminator, functions of the logits of real and of fake images, both minimised."""

    generator: LossFunction
    discriminator: LossFunction


def bce_discriminator(real: Logits, fake: Logits) -> Scalar:
    """-V(D, G): binary cross-entropy on real plus on fake images (Goodfellow et al. 2014)."""
    return softplus(-real).mean() + softplus(fake).mean()


def minimax_generator(real: Logits, fake: Logits) -> Scalar:
    """E log(1 - D(G(Z))): (10) to the letter, saturates where the discriminator is confident."""
    return -softplus(fake).mean()


def non_saturating_generator(real: Logits, fake: Logits) -> Scalar:
    """E -log D(G(Z)): same fixed point, gradient where it is needed (Goodfellow et al. 2014, section 3).

    Equals binary cross-entropy against the label "real", the course's loss.
    """
    return softplus(-fake).mean()


def least_squares_discriminator(real: Logits, fake: Logits) -> Scalar:
    """Half the squared distance of real logits to 1 and of fake ones to 0 (Mao et al. 2017, equation 9)."""
    return ((real - 1).square().mean() + fake.square().mean()) / 2


def least_squares_generator(real: Logits, fake: Logits) -> Scalar:
    """Half the squared distance of fake logits to 1 (Mao et al. 2017, equation 9)."""
    return (fake - 1).square().mean() / 2


def hinge_discriminator(real: Logits, fake: Logits) -> Scalar:
    """Penalises real logits below 1 and fake ones above -1 (Lim and Ye 2017)."""
    return relu(1 - real).mean() + relu(1 + fake).mean()


def wasserstein_discriminator(real: Logits, fake: Logits) -> Scalar:
    """E_q[f] - E_p[f]: minus the Wasserstein-1 distance if f is 1-Lipschitz (Arjovsky et al. 2017).

    Needs a penalty, which makes f approximately 1-Lipschitz.
    """
    return fake.mean() - real.mean()


def wasserstein_generator(real: Logits, fake: Logits) -> Scalar:
    """-E_q[f], also the generator's side of the hinge loss (Arjovsky et al. 2017)."""
    return -fake.mean()


def relativistic_discriminator(real: Logits, fake: Logits) -> Scalar:
    """E softplus(fake - real) over pairs: real images above fake ones (Jolicoeur-Martineau 2018; RpGAN)."""
    return softplus(fake - real).mean()


def relativistic_generator(real: Logits, fake: Logits) -> Scalar:
    """E softplus(real - fake) over pairs: fake images above real ones (Jolicoeur-Martineau 2018; RpGAN)."""
    return softplus(real - fake).mean()


LOSSES: dict[str, AdversarialLoss] = {
    "minimax": AdversarialLoss(minimax_generator, bce_discriminator),
    "non-saturating": AdversarialLoss(non_saturating_generator, bce_discriminator),
    "least-squares": AdversarialLoss(least_squares_generator, least_squares_discriminator),
    "hinge": AdversarialLoss(wasserstein_generator, hinge_discriminator),
    "wasserstein": AdversarialLoss(wasserstein_generator, wasserstein_discriminator),
    "relativistic": AdversarialLoss(relativistic_generator, relativistic_discriminator),
}
