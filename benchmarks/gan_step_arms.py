"""Implementations of the training step of the course's GAN that `gan_step.py` compares."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from palingen.gan.config import GanConfig, build_networks
from palingen.gan.steps import STEPS
from palingen.gan.steps.protocol import StepInputs, UpdatingStep
from palingen.gan.trainer import step_setup

Step = Callable[[Tensor], None]


@dataclass(frozen=True)
class Implementation:
    """Implementation of the training step."""

    key: str
    """Key of its milliseconds in the JSON object."""

    program: str
    """Engine of `palingen gan train`, `script` or `jax`."""

    precision: str = "float32"


IMPLEMENTATIONS = {
    "script": Implementation("script_ms", "script"),
    "native, float32": Implementation("ms", "native"),
    "native, bfloat16": Implementation("bf16_ms", "native", "bfloat16"),
    "manual, float32": Implementation("manual_ms", "manual"),
    "manual, bfloat16": Implementation("manual_bf16_ms", "manual", "bfloat16"),
    "autograd, float32": Implementation("autograd_ms", "autograd"),
    "autograd, bfloat16": Implementation("autograd_bf16_ms", "autograd", "bfloat16"),
    "JAX, float32": Implementation("jax_ms", "jax"),
    "JAX, bfloat16": Implementation("jax_bf16_ms", "jax", "bfloat16"),
}
"""Implementations by name."""


def missing_reason(implementation: Implementation) -> str | None:
    """Reason why an implementation cannot run here, or None."""
    if implementation.program == "jax":
        has_jax = find_spec("jax") is not None and find_spec("optax") is not None
        return None if has_jax else "needs the extra 'bench'"
    if implementation.program not in STEPS:
        return None
    config = GanConfig(precision=implementation.precision)
    return STEPS[implementation.program].unsupported_reason(step_setup(config, build_networks(config)))


def build_step(config: GanConfig, program: str) -> Step:
    """Step of an engine, of the script, or of JAX."""
    builders = {"script": script_step, "jax": jax_step}
    return builders[program](config) if program in builders else engine_step(config, program)


def jax_step(config: GanConfig) -> Step:
    """Step in plain JAX, on images that are in its memory already."""
    import jax.numpy as jnp
    from gan_step_jax import JaxStep

    step = JaxStep(config, build_networks(config))
    images: dict[int, object] = {}

    def take(real: Tensor) -> None:
        key = real.data_ptr()
        if key not in images:
            images[key] = jnp.asarray(real.flatten(1).numpy())
        step(images[key])

    return take


def script_step(config: GanConfig) -> Step:
    """Step of the script: two cross-entropy passes over probabilities, default Adam."""
    generator, discriminator = build_networks(config)
    discriminator = nn.Sequential(discriminator, nn.Sigmoid())
    cross_entropy = nn.BCELoss()
    generator_adam, discriminator_adam = (
        torch.optim.Adam(network.parameters(), lr=config.learning_rate, betas=(config.beta1, config.beta2))
        for network in (generator, discriminator)
    )

    def step(real: Tensor) -> None:
        ones, zeros = torch.ones(len(real)), torch.zeros(len(real))
        generator_adam.zero_grad()
        fake = generator(torch.randn(len(real), config.latent_dim))
        cross_entropy(discriminator(fake), ones).backward()
        generator_adam.step()
        discriminator_adam.zero_grad()
        real_loss = cross_entropy(discriminator(real), ones)
        fake_loss = cross_entropy(discriminator(fake.detach()), zeros)
        ((real_loss + fake_loss) / 2).backward()
        discriminator_adam.step()

    return step


def engine_step(config: GanConfig, engine: str) -> Step:
    """Step of `palingen gan train`."""
    train_step = STEPS[engine](step_setup(config, build_networks(config)))
    optimizers = [
        torch.optim.Adam(parameters, lr=config.learning_rate, betas=(config.beta1, config.beta2), fused=True)
        for parameters in train_step.parameters()
    ]

    def step(real: Tensor) -> None:
        inputs = StepInputs(real, torch.randn(len(real), config.latent_dim))
        if isinstance(train_step, UpdatingStep):
            train_step.update(inputs, 0.0, optimizers)
            return
        train_step.compute_gradients(inputs)
        for optimizer in optimizers:
            optimizer.step()

    return step
