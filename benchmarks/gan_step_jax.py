"""Training step of the course's GAN in plain JAX: noise, both networks, losses and Adam in one compiled function.

It plays the game of `palingen gan train`: the generator is updated first, the discriminator on real and fake images
whose gradient does not reach the generator, BatchNorm keeps running statistics, and Adam has optax's defaults.

    B  images      Z  latent dimensions
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.nn import leaky_relu, softplus
from torch import nn

from palingen.gan.config import GanConfig
from palingen.gan.models import Networks
from palingen.gan.models.init import LEAKY_SLOPE

Layers = list[dict[str, Array]]
State = dict[str, Any]


def layers_of(network: nn.Module) -> Layers:
    """Weights [inputs, outputs] and biases of the linear layers, each with those of the BatchNorm after it."""
    layers: Layers = []
    for layer in network.children():
        if isinstance(layer, nn.Linear):
            layers.append({"weight": _array(layer.weight.T), "bias": _array(layer.bias)})
        elif isinstance(layer, nn.BatchNorm1d):
            layers[-1] |= {"scale": _array(layer.weight), "shift": _array(layer.bias)}
    return layers


def statistics_of(network: nn.Module) -> Layers:
    """Running mean and variance of every BatchNorm."""
    norms = [layer for layer in network.children() if isinstance(layer, nn.BatchNorm1d)]
    return [{"mean": _array(norm.running_mean), "variance": _array(norm.running_var)} for norm in norms]


def _array(tensor: Any) -> Array:
    return jnp.array(tensor.detach().numpy())


class JaxStep:
    """Step of both networks.

    Args:
        config: the experiment; its loss is `non-saturating`, and `bfloat16` rounds the factors of all products.
        networks: initial weights.
    """

    def __init__(self, config: GanConfig, networks: Networks) -> None:
        self.config = config
        self.dtype = jnp.bfloat16 if config.precision == "bfloat16" else jnp.float32
        self.adam = optax.adam(config.learning_rate, config.beta1, config.beta2)
        weights = tuple(map(layers_of, networks))
        self.state: State = {
            "weights": weights,
            "adam": tuple(map(self.adam.init, weights)),
            "statistics": statistics_of(networks.generator),
        }
        self.key = jax.random.key(config.seed)
        self._step = jax.jit(self.sample_and_update, donate_argnums=(0, 1))

    def __call__(self, real: Array) -> None:
        """Take one step on real images [B, 784], and wait for it."""
        self.state, self.key, losses = self._step(self.state, self.key, real)
        jax.block_until_ready((self.state, losses))

    def sample_and_update(self, state: State, key: Array, real: Array) -> tuple[State, Array, tuple[Array, Array]]:
        """Sample latents and update both networks with them."""
        key, noise = jax.random.split(key)
        latents = jax.random.normal(noise, (len(real), self.config.latent_dim))
        state, losses = self.update(state, real, latents)
        return state, key, losses

    def update(self, state: State, real: Array, latents: Array) -> tuple[State, tuple[Array, Array]]:
        """State after one step on real images [B, 784] and latents [B, Z], and both losses."""
        generator, discriminator = state["weights"]

        def generator_loss(weights: Layers) -> tuple[Array, tuple[Array, Layers]]:
            fake, statistics = self.generate(weights, state["statistics"], latents)
            return softplus(-self.discriminate(discriminator, fake)).mean(), (fake, statistics)

        def discriminator_loss(weights: Layers, fake: Array) -> Array:
            return (
                softplus(-self.discriminate(weights, real)).mean() + softplus(self.discriminate(weights, fake)).mean()
            )

        (loss_g, (fake, statistics)), gradients_g = jax.value_and_grad(generator_loss, has_aux=True)(generator)
        loss_d, gradients_d = jax.value_and_grad(discriminator_loss)(discriminator, fake)
        weights, moments = zip(
            *map(self._optimize, state["weights"], (gradients_g, gradients_d), state["adam"]), strict=True
        )
        return {"weights": weights, "adam": moments, "statistics": statistics}, (loss_g, loss_d)

    def _optimize(self, weights: Layers, gradients: Layers, moments: Any) -> tuple[Layers, Any]:
        changes, moments = self.adam.update(gradients, moments)
        return optax.apply_updates(weights, changes), moments

    def generate(self, layers: Layers, statistics: Layers, latents: Array) -> tuple[Array, Layers]:
        """Images [B, 784] of latents [B, Z], and the running statistics after them."""
        hidden, statistics, updated = latents, list(statistics), []
        for layer in layers[:-1]:
            hidden = self.linear(layer, hidden)
            if "scale" in layer:
                hidden, running = self.normalize(layer, statistics[len(updated)], hidden)
                updated.append(running)
            hidden = leaky_relu(hidden, LEAKY_SLOPE)
        return jnp.tanh(self.linear(layers[-1], hidden)), updated

    def discriminate(self, layers: Layers, images: Array) -> Array:
        """Logits [B] of images [B, 784]."""
        for layer in layers[:-1]:
            images = leaky_relu(self.linear(layer, images), LEAKY_SLOPE)
        return self.linear(layers[-1], images)[:, 0]

    def linear(self, layer: dict[str, Array], rows: Array) -> Array:
        """Linear layer in float32; its product may be of bfloat16 numbers."""
        factors = rows.astype(self.dtype), layer["weight"].astype(self.dtype)
        return jnp.dot(*factors, preferred_element_type=jnp.float32) + layer["bias"]

    def normalize(
        self, layer: dict[str, Array], running: dict[str, Array], rows: Array, momentum: float = 0.1
    ) -> tuple[Array, dict[str, Array]]:
        """BatchNorm in training mode with torch's momentum, and its running statistics after it."""
        mean, variance = rows.mean(0), rows.var(0)
        unbiased = variance * (len(rows) / (len(rows) - 1))
        outputs = (rows - mean) * jax.lax.rsqrt(variance + self.config.batchnorm_eps) * layer["scale"] + layer["shift"]
        pairs = {"mean": mean, "variance": unbiased}
        return outputs, {name: running[name] + momentum * (pairs[name] - running[name]) for name in pairs}
