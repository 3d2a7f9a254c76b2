"""Architectures that a config names: built-in ones, and those of a user, whose networks are tried on two images.

B  images, of the trial
"""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import UninitializedParameter

from palingen.gan.data.mnist import IMAGE_SIZE
from palingen.gan.models import ARCHITECTURES, Networks, require_no_batchnorm
from palingen.runtime.checkpoint import non_finite
from palingen.runtime.errors import ConfigError
from palingen.runtime.user_code import CodeReference
from palingen.runtime.user_module import load_part, user_errors

Build = Callable[[int, float, int, int], Networks]
"""`(latent_dim, batchnorm_eps, channels, num_classes) -> Networks`, as in `ARCHITECTURES`."""

FIELD = "architecture"

B = 2


def load_architecture(architecture: str) -> Build:
    """Function that builds the networks that a config names.

    A user's networks are tried when they are built, since they depend on the other fields.

    Raises:
        ConfigError: a user's file fails, or has no such function; of the function returned: the networks do not fit.
        RunError: the architecture was read from a run, and nobody has trusted its code.
    """
    build = _load(architecture)
    if not isinstance(architecture, CodeReference):
        return build

    def build_and_try(latent_dim: int, batchnorm_eps: float, channels: int, num_classes: int) -> Networks:
        with user_errors(FIELD, architecture):
            networks = _as_pair(build(latent_dim, batchnorm_eps, channels, num_classes))
            with torch.random.fork_rng(devices=[]):
                _try(Networks(*copy.deepcopy(networks)), latent_dim + num_classes, channels, num_classes)
            return networks

    return build_and_try


def build_without_memory(
    architecture: str, latent_dim: int, batchnorm_eps: float, channels: int, num_classes: int
) -> Networks:
    """Networks whose weights have sizes and no values; with values if a user's code needs them.

    Raises:
        ConfigError: a user's file fails.
    """
    build = _load(architecture)
    try:
        with torch.device("meta"):
            return _as_pair(build(latent_dim, batchnorm_eps, channels, num_classes))
    except Exception:
        if not isinstance(architecture, CodeReference):
            raise
    with user_errors(FIELD, architecture):
        return _as_pair(build(latent_dim, batchnorm_eps, channels, num_classes))


def _load(architecture: str) -> Build:
    return load_part(FIELD, architecture, ARCHITECTURES, None, lambda build: None)


def _as_pair(networks: object) -> Networks:
    """Generator and discriminator that a user's function returned."""
    is_pair = isinstance(networks, tuple) and len(networks) == 2
    if not is_pair or not all(isinstance(network, nn.Module) for network in networks):  # type: ignore[attr-defined]
        raise ConfigError(f"returns {type(networks).__name__}, must return Networks(generator, discriminator)")
    pair = Networks(*networks)  # type: ignore[misc]
    for name, network in pair._asdict().items():
        if any(isinstance(parameter, UninitializedParameter) for parameter in network.parameters()):
            raise ConfigError(f"the {name} has a lazy layer, whose size must be given")
    return pair


def _try(networks: Networks, num_inputs: int, channels: int, num_classes: int) -> None:
    """Raise ConfigError unless images and logits have the right shapes, and all weights get gradients."""
    generator, discriminator = networks
    require_no_batchnorm(discriminator)
    images = generator(torch.randn(B, num_inputs))
    _require_output("generator", "images", images, (B, channels, IMAGE_SIZE, IMAGE_SIZE))
    logits = discriminator(images)
    _require_output("discriminator", "logits", logits, (B, num_classes) if num_classes else (B,))
    for name, network in networks._asdict().items():
        for key, value in network.state_dict().items():
            if not isinstance(value, Tensor) or non_finite(value, key):
                raise ConfigError(f"the {name}'s {key!r} is no finite tensor, so that it cannot be saved")
        parameters = dict(network.named_parameters())
        if not parameters:
            raise ConfigError(f"the {name} has no weights")
        gradients = torch.autograd.grad(logits.sum(), [*parameters.values()], retain_graph=True, allow_unused=True)
        if unused := [key for key, grad in zip(parameters, gradients, strict=True) if grad is None]:
            raise ConfigError(f"the {name}'s weight {unused[0]!r} has no influence on the logits")


def _require_output(network: str, name: str, output: object, shape: tuple[int, ...]) -> None:
    if not isinstance(output, Tensor) or output.shape != shape:
        described = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ConfigError(f"the {network} gives {name} of shape {described} for {B} images, must be {shape}")
    if output.dtype != torch.float32:
        raise ConfigError(f"the {network} gives {name} in {output.dtype}, must be float32")
    if not bool(output.isfinite().all()):
        raise ConfigError(f"the {network} gives {name} with NaN or infinity")
