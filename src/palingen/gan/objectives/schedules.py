"""Schedules over the training: penalty weight, learning rate and Adam's beta2. `progress` runs from 0 to 1."""

from collections.abc import Sequence
from math import cos, exp, log, pi

import torch
from torch import Tensor, nn

from palingen.gan.config import GanConfig


def cosine_interpolate(start: float, end: float, progress: float) -> float:
    """Half a cosine from `start` to `end`; exactly `start` if both are equal."""
    return start + (end - start) * (1 - cos(pi * progress)) / 2


def penalty_weight(config: GanConfig, progress: float) -> float:
    """Weight of the gradient penalty."""
    return _decay(config, config.penalty_weight, config.penalty_weight_final_ratio, progress)


def learning_rate(config: GanConfig, progress: float) -> float:
    """Adam's learning rate, warmup included."""
    warmup = min(1.0, progress / config.warmup_fraction) if config.warmup_fraction else 1.0
    return warmup * _decay(config, config.learning_rate, config.lr_final_ratio, progress)


def build_adam(parameters: Sequence[nn.Parameter], config: GanConfig, *, capturable: bool) -> torch.optim.Adam:
    """Adam for the parameters of a network; `capturable` by a CUDA graph, with its learning rate on the device."""
    lr = torch.tensor(config.learning_rate, device=parameters[0].device) if capturable else config.learning_rate
    return torch.optim.Adam(parameters, lr, (config.beta1, config.beta2), fused=True, capturable=capturable)


def update_adam(optimizer: torch.optim.Adam, config: GanConfig, progress: float, lr: float | None = None) -> None:
    """Set Adam's learning rate and beta2; `lr` replaces the learning rate of the schedule."""
    lr = learning_rate(config, progress) if lr is None else lr
    beta2_final = config.beta2 if config.beta2_final is None else config.beta2_final
    for group in optimizer.param_groups:
        if not isinstance(group["lr"], Tensor):
            group["lr"] = lr
        elif lr != group.get("scheduled_lr", config.learning_rate):
            group["lr"].fill_(lr)
            group["scheduled_lr"] = lr
        group["betas"] = (config.beta1, cosine_interpolate(config.beta2, beta2_final, progress))


def _decay(config: GanConfig, start: float, final_ratio: float, progress: float) -> float:
    """Value on the way from `start` to `start * final_ratio` by the config's schedule."""
    if config.schedule == "geometric":
        return start * exp(cosine_interpolate(0.0, log(final_ratio), progress))
    return cosine_interpolate(start, start * final_ratio, progress)
