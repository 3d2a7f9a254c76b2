"""Latents and generation.

B  latents or images      Z  latent dimensions      K  classes
"""

from hashlib import sha256
from math import sqrt
from typing import Any

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Generator, Tensor, nn
from torch.nn.functional import one_hot

from palingen.gan.data.mnist import to_pixels


class NoiseSource:
    """Standard normal noise from a random generator of its own, which resumes exactly."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.generator = Generator(device).manual_seed(seed)

    def sample(self, *shape: int) -> Float[Tensor, "..."]:
        """Next noise of the given shape."""
        return torch.randn(*shape, generator=self.generator, device=self.generator.device)

    def state_dict(self) -> dict[str, Any]:
        """State of the random generator, and the type of its device, since each has states of its own."""
        return {"generator": self.generator.get_state(), "device": self.generator.device.type}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Restore the random generator; on another type of device, seed it by the state, so that no noise returns."""
        if state.get("device", self.generator.device.type) == self.generator.device.type:
            self.generator.set_state(state["generator"])
        else:
            digest = sha256(state["generator"].numpy().tobytes()).digest()
            self.generator.manual_seed(int.from_bytes(digest[:7]))


def sample_latents(count: int, latent_dim: int, seed: int) -> Float[Tensor, "B Z"]:
    """Z ~ N(0, I), the same for the same count and seed on every device."""
    return torch.randn(count, latent_dim, generator=Generator().manual_seed(seed))


def clip_norm(latents: Float[Tensor, "B Z"], max_norm: float) -> Float[Tensor, "B Z"]:
    """Scale latents down to a norm of `max_norm` times sqrt(Z), the typical norm, where they are longer.

    The truncation trick (Brock et al. 2019, section 3.1) applied to the norm instead of each number: it trades some
    variety, the rarest latents, for likelier images.
    """
    limit = max_norm * sqrt(latents.shape[1])
    return latents * (limit / latents.norm(dim=1, keepdim=True)).clamp(max=1)


def append_one_hot(
    latents: Float[Tensor, "B Z"], labels: Int64[Tensor, " B"] | None, num_classes: int
) -> Float[Tensor, "B Z_and_K"]:
    """Generator inputs: latents, followed by the one-hot class if there are labels."""
    if labels is None:
        return latents
    return torch.cat([latents, one_hot(labels, num_classes).to(latents.dtype)], 1)


def sample_inputs(count: int, latent_dim: int, num_classes: int, seed: int) -> Float[Tensor, "B Z_and_K"]:
    """Generator inputs: latents, and for a class-conditional generator, with K above 0, the classes in turn."""
    labels = torch.arange(count) % num_classes if num_classes else None
    return append_one_hot(sample_latents(count, latent_dim, seed), labels, num_classes)


@torch.no_grad()
def generate(generator: nn.Module, inputs: Float[Tensor, "B Z_and_K"]) -> Float[Tensor, "B channels 28 28"]:
    """Images in [-1, 1] on the CPU, with BatchNorm in evaluation mode."""
    training = generator.training
    generator.eval()
    device = next(generator.parameters()).device
    images = torch.cat([generator(chunk.to(device)).cpu() for chunk in inputs.split(1000)])
    generator.train(training)
    return images.clamp(-1, 1)


def generate_pixels(generator: nn.Module, inputs: Float[Tensor, "B Z_and_K"]) -> UInt8[Tensor, "B 28 width"]:
    """Grey levels 0 to 255, several channels side by side."""
    return to_pixels(generate(generator, inputs).transpose(1, 2).flatten(2))
