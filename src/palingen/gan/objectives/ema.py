"""Weight EMA of the generator, with BatchNorm recalibration."""

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from palingen.gan.models import BatchNorm
from palingen.runtime.torch_private import lerp_all

BN_SAMPLES = 10_000
"""Latents over which the BatchNorm statistics of the averaged generator are computed."""

RAMP = 0.05
"""The half-life is at most this fraction of the steps so far, so that the first weights are soon forgotten."""


class EMA:
    """Exponential moving average of a network's weights (Yazici et al. 2019).

    Args:
        network: the network; the average starts as a copy.
        half_life: steps after which a weight's contribution has halved.
    """

    def __init__(self, network: nn.Module, half_life: float) -> None:
        self.half_life = half_life
        self.network = copy.deepcopy(network).requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Include the weights after `step` steps (from 1). Buffers are copied, not averaged."""
        decay = 0.5 ** (1 / max(min(self.half_life, RAMP * step), 1e-8))
        lerp_all(list(self.network.parameters()), list(network.parameters()), 1 - decay)
        for average, current in zip(self.network.buffers(), network.buffers(), strict=True):
            average.copy_(current)

    def state_dict(self) -> dict[str, Any]:
        """Averaged weights."""
        return self.network.state_dict()

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Restore the averaged weights."""
        self.network.load_state_dict(state)


@torch.no_grad()
def update_bn_stats(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Recompute BatchNorm's running statistics as plain means over `batches`; does nothing without BatchNorm.

    The statistics of averaged weights are not the average of the statistics.
    """
    norms = [layer for layer in network.modules() if isinstance(layer, BatchNorm)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    training = network.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # cumulative mean
    network.train()
    for batch in batches:
        network(batch)
    network.train(training)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
