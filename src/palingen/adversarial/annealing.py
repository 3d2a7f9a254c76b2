"""What changes in the course of a training, as functions of how much of it is done."""

from math import cos, pi

import torch

from palingen.adversarial.experiment import GanRun


def half_cosine(start: float, end: float, done: float) -> float:
    """From `start` to `end`, slow at both, at the share `done` of the way; exactly `start` if both are the same."""
    return start + (end - start) * (1 - cos(pi * done)) / 2


def gamma(config: GanRun, done: float) -> float:
    """The penalty's factor."""
    return half_cosine(config.gamma, config.gamma * config.gamma_decay, done)


def set_adam(optimizer: torch.optim.Adam, config: GanRun, done: float) -> None:
    """Give Adam its step size and its second beta."""
    risen = min(1.0, done / config.warm_up) if config.warm_up else 1.0
    for group in optimizer.param_groups:
        rate = half_cosine(config.learning_rate, config.learning_rate * config.learning_rate_decay, done)
        group["lr"] = risen * rate
        group["betas"] = (config.beta1, half_cosine(config.beta2, config.beta2_end or config.beta2, done))
