"""Training steps: engines that compute the gradients of both networks, equal up to rounding.

    native              fully connected networks, the whole step in C++, Adam included (`native/`); float32 on a CPU
    manual              the course's networks, manually derived gradients (`manual.py`)
    penalty-jvp-native  `penalty-jvp` in bfloat16 with convolutions in C++ (`penalty_jvp_native.py`)
    penalty-jvp         R1/R2 penalties without double backward, for piecewise-linear discriminators (`penalty_jvp.py`)
    autograd            everything (`autograd.py`); the definition that the others must equal
    auto                the first of these that supports the setup

To add one, write a class with the methods of `TrainStep` and add it to `STEPS` and to `EngineName`.
"""

from typing import Literal

from palingen.gan.models import require_no_batchnorm
from palingen.gan.steps.autograd import AutogradStep
from palingen.gan.steps.manual import ManualStep
from palingen.gan.steps.native import NativeStep
from palingen.gan.steps.penalty_jvp import PenaltyJvpStep
from palingen.gan.steps.penalty_jvp_native import PenaltyJvpNativeStep
from palingen.gan.steps.protocol import StepSetup, TrainStep
from palingen.runtime.errors import ConfigError
from palingen.runtime.notices import print_once
from palingen.runtime.validation import unknown_choice

EngineName = Literal["auto", "autograd", "penalty-jvp", "penalty-jvp-native", "manual", "native"]

STEPS: dict[str, type[TrainStep]] = {
    "native": NativeStep,
    "manual": ManualStep,
    "penalty-jvp-native": PenaltyJvpNativeStep,
    "penalty-jvp": PenaltyJvpStep,
    "autograd": AutogradStep,
}
"""Engines by name, the fastest first."""


def resolve_engine(name: str, setup: StepSetup) -> str:
    """Engine called `name`, or the fastest that supports `setup` for `auto`.

    `auto` says once on standard error if this machine lacks what the native engine needs.

    Raises:
        ConfigError: there is no such engine, it does not support the setup, or the discriminator contains BatchNorm.
    """
    require_no_batchnorm(setup.networks.discriminator)
    if name == "auto":
        if reason := NativeStep.unavailable_reason(setup):
            print_once(f"gan: the native engine cannot run here, so the training is slower ({reason})")
        return next(engine for engine, step in STEPS.items() if step.unsupported_reason(setup) is None)
    if name not in STEPS:
        raise ConfigError(f"engine: {unknown_choice(name, ('auto', *STEPS))}")
    if reason := STEPS[name].unsupported_reason(setup):
        raise ConfigError(f"engine={name!r}: {reason}; choose engine='auto'")
    return name
