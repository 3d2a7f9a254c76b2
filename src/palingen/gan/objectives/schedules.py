"""Schedules over the training: penalty weight, learning rate and Adam's beta2. `progress` runs from 0 to 1."""

from collections.abc import Sequence
from math import cos, pi

import torch
from torch import Tensor, nn

from palingen.gan.config import GanConfig


def cosine_interpolate(start: float, end: float, progress: float) -> float:
    """Half a cosine from `start` to `end`; exactly `start` if both are equal."""
    return start + (end - start) * (1 - cos(pi * progress)) / 2


def penalty_weight(config: GanConfig, progress: float) -> float:
    """Weight of the gradient penalty."""
    final = config.penalty_weight * config.penalty_weight_final_ratio
    return cosine_interpolate(config.penalty_weight, final, progress)


def build_adam(parameters: Sequence[nn.Parameter], config: GanConfig, *, capturable: bool) -> torch.optim.Adam:
    """Adam for the parameters of a network; `capturable` by a CUDA graph, with its learning rate on the device."""
    lr = torch.tensor(config.learning_rate, device=parameters[0].device) if capturable else config.learning_rate
    return torch.optim.Adam(parameters, lr, (config.beta1, config.beta2), fused=True, capturable=capturable)


def update_adam(optimizer: torch.optim.Adam, config: GanConfig, progress: float) -> None:
    """Set Adam's learning rate and beta2."""
    warmup = min(1.0, progress / config.warmup_fraction) if config.warmup_fraction else 1.0
    lr = cosine_interpolate(config.learning_rate, config.learning_rate * config.lr_final_ratio, progress)
    beta2_final = config.beta2 if config.beta2_final is None else config.beta2_final
    for group in optimizer.param_groups:
        if not isinstance(group["lr"], Tensor):
            group["lr"] = warmup * lr
        elif warmup * lr != group.get("scheduled_lr", config.learning_rate):
            group["lr"].fill_(warmup * lr)
            group["scheduled_lr"] = warmup * lr
        group["betas"] = (config.beta1, cosine_interpolate(config.beta2, beta2_final, progress))
