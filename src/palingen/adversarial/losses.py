"""Adversarial losses, pure functions of logits.

    V(D, G) = E_p[log D(X)] + E_q[log(1 - D(G(Z)))],   min over G, max over D        (10)

with D(x) = sigma(logit), so that -log D = softplus(-logit) and -log(1 - D) = softplus(logit): binary cross-entropy,
stable for any logit. To add a loss, write the generator's side (and the discriminator's, if it is another) and add one
line to `LOSSES`. Both sides see both kinds of logits: a relativistic loss needs them, the others look at their own.

    B  images
"""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import relu, softplus

Logits = Float[Tensor, " B"]
Scalar = Float[Tensor, ""]
Side = Callable[[Logits, Logits], Scalar]


@dataclass(frozen=True)
class Loss:
    """Both players' losses, each of the logits of real and of generated images, each to be made small."""

    generator: Side
    discriminator: Side


def cross_entropy(real: Logits, fake: Logits) -> Scalar:
    """The discriminator's -V(D, G): cross-entropy on real plus cross-entropy on fake (Goodfellow et al. 2014)."""
    return softplus(-real).mean() + softplus(fake).mean()


def saturating(real: Logits, fake: Logits) -> Scalar:
    """The generator's side of (10) to the letter: E log(1 - D(G(Z))), flat where the discriminator is sure."""
    return -softplus(fake).mean()


def non_saturating(real: Logits, fake: Logits) -> Scalar:
    """E -log D(G(Z)): the same fixed point, a gradient where it is needed (Goodfellow et al. 2014, section 3).

    It is what cross-entropy against the label "real" computes, the course's loss.
    """
    return softplus(-fake).mean()


def squares(real: Logits, fake: Logits) -> Scalar:
    """Half the squared distance of real logits from 1 and of fake ones from 0 (Mao et al. 2017, equation 9)."""
    return ((real - 1).square().mean() + fake.square().mean()) / 2


def fake_as_one(real: Logits, fake: Logits) -> Scalar:
    """Half the squared distance of fake logits from 1, the generator's side of the same."""
    return (fake - 1).square().mean() / 2


def hinge(real: Logits, fake: Logits) -> Scalar:
    """Real logits up to 1, fake ones down to -1, and no further (Lim and Ye 2017)."""
    return relu(1 - real).mean() + relu(1 + fake).mean()


def critic(real: Logits, fake: Logits) -> Scalar:
    """E_q[f] - E_p[f]: minus the Wasserstein-1 distance where f is 1-Lipschitz (Arjovsky et al. 2017).

    Nothing here makes it so; it needs a penalty.
    """
    return fake.mean() - real.mean()


def raise_fake(real: Logits, fake: Logits) -> Scalar:
    """-E_q[f], the generator's side of the hinge and the Wasserstein game."""
    return -fake.mean()


def relativistic(real: Logits, fake: Logits) -> Scalar:
    """E softplus(fake - real) over pairs: each real image above its fake one (Jolicoeur-Martineau 2018; RpGAN)."""
    return softplus(fake - real).mean()


def relativistic_turned(real: Logits, fake: Logits) -> Scalar:
    """The generator's side of the same: each fake image above its real one."""
    return softplus(real - fake).mean()


LOSSES: dict[str, Loss] = {
    "minimax": Loss(saturating, cross_entropy),
    "non-saturating": Loss(non_saturating, cross_entropy),
    "least-squares": Loss(fake_as_one, squares),
    "hinge": Loss(raise_fake, hinge),
    "wasserstein": Loss(raise_fake, critic),
    "relativistic": Loss(relativistic_turned, relativistic),
}
