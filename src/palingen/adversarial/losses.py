"""Adversarial losses, pure functions of logits.

    V(D, G) = E_p[log D(X)] + E_q[log(1 - D(G(Z)))],   min over G, max over D        (10)

with D(x) = sigma(logit), so that -log D = softplus(-logit) and -log(1 - D) = softplus(logit): binary cross-entropy,
stable for any logit. To add a loss, write the generator's side (and the discriminator's, if it is another) and add one
line to `LOSSES`.

    B  images
"""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

Logits = Float[Tensor, " B"]
Scalar = Float[Tensor, ""]


@dataclass(frozen=True)
class Loss:
    """Both players' losses, each to be made small."""

    generator: Callable[[Logits], Scalar]
    """Of the logits of generated images."""

    discriminator: Callable[[Logits, Logits], Scalar]
    """Of the logits of real and of generated images."""


def cross_entropy(real: Logits, fake: Logits) -> Scalar:
    """The discriminator's -V(D, G): cross-entropy on real plus cross-entropy on fake (Goodfellow et al. 2014)."""
    return softplus(-real).mean() + softplus(fake).mean()


def saturating(fake: Logits) -> Scalar:
    """The generator's side of (10) to the letter: E log(1 - D(G(Z))), flat where the discriminator is sure."""
    return -softplus(fake).mean()


def non_saturating(fake: Logits) -> Scalar:
    """E -log D(G(Z)): the same fixed point, a gradient where it is needed (Goodfellow et al. 2014, section 3).

    It is what cross-entropy against the label "real" computes, the course's loss.
    """
    return softplus(-fake).mean()


LOSSES: dict[str, Loss] = {
    "minimax": Loss(saturating, cross_entropy),
    "non-saturating": Loss(non_saturating, cross_entropy),
}
