"""Fraction of a gradient that reaches the first step.

T  steps
"""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor


def gradient_retention(norms: Mapping[str, Float[Tensor, " T"]]) -> float | None:
    """Ratio of the gradient norm at the first step (of h or c, the larger) to that of h at the last step.

    None if there is no gradient at all, since the network is so certain that its loss is zero.
    """
    last = float(norms["h"][-1])
    return max(float(part[0]) for part in norms.values()) / last if last else None


def retention_text(norms: Mapping[str, Float[Tensor, " T"]]) -> str:
    """Gradient retention as text."""
    retention = gradient_retention(norms)
    return "no gradient" if retention is None else f"{retention:.2g}"
