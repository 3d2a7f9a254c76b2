"""An average of a network's weights over its training, and what BatchNorm needs to go with it."""

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

RAMP = 0.05
"""The half-life is at most this share of the steps so far, so that the first weights are soon forgotten."""


class Average:
    """An exponential moving average of a network's weights (Yazici et al. 2019); it resumes exactly."""

    def __init__(self, network: nn.Module, half_life: float) -> None:
        self.half_life = half_life
        self.network = copy.deepcopy(network).requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after `step` steps; buffers are copied."""
        decay = 0.5 ** (1 / max(min(self.half_life, RAMP * step), 1e-8))
        torch._foreach_lerp_(list(self.network.parameters()), list(network.parameters()), 1 - decay)
        for kept, current in zip(self.network.buffers(), network.buffers(), strict=True):
            kept.copy_(current)

    def state_dict(self) -> dict[str, Any]:
        """The averaged weights."""
        return self.network.state_dict()

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Go on from there."""
        self.network.load_state_dict(state)


@torch.no_grad()
def settle(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Recompute BatchNorm's running statistics as plain means over `batches`; nothing to do without BatchNorm.

    Averaged weights do not have the statistics of the weights they were averaged from.
    """
    norms = [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    training = network.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative mean
    network.train()
    for batch in batches:
        network(batch)
    network.train(training)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
