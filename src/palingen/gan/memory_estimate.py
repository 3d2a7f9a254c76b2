"""Memory of a GAN training and of the classifier's, estimated from the config before anything large is allocated.

The factors are measured as peaks of short trainings, and a test holds them to half and twice such peaks.
"""

from collections.abc import Sequence

import torch

from palingen.gan.config import GanConfig, require_classes
from palingen.gan.models.user_networks import build_without_memory
from palingen.gan.objectives.ema import BN_SAMPLES
from palingen.gan.objectives.frechet_loss import FRECHET_BATCH
from palingen.runtime.memory import Need, require_memory

FLOATS_PER_IMAGE = {"mlp": 20_000, "conv": 210_000, "residual": 235_000}
"""Numbers of 4 bytes that a training step holds for each real image of its batch, by architecture. A user's is taken
for the one that needs least, so that nothing is refused wrongly."""

FRECHET_FLOATS_PER_IMAGE = 350_000
"""Numbers of 4 bytes that a matching step holds for each generated image, in the generator and the feature networks."""

PENALTY_FACTOR = 1.4
"""Factor of the memory of a step with a gradient penalty: 1 without double backward, up to 1.8 with it."""

CLASSIFIER_FLOATS_PER_IMAGE = 60_000
"""Numbers of 4 bytes that a training step of the classifier holds for each image."""

WEIGHT_COPIES = 10
"""Copies of the weights: gradients, averages of the optimiser, the averaged generator, checkpoints, files."""


def training_needs(config: GanConfig, dataset_size: int) -> list[Need]:
    """Memory of each part of a training, beyond its images and the process before it.

    Args:
        config: the experiment.
        dataset_size: number of training images.
    """
    factor = PENALTY_FACTOR if config.penalty else 1.0
    images = min(config.batch_size, dataset_size) * _floats_per_image(config) * factor
    samples = min(config.monitor_samples or 0, dataset_size) + (BN_SAMPLES if config.ema_half_life else 0)
    matched = FRECHET_BATCH * FRECHET_FLOATS_PER_IMAGE if config.frechet_steps else 0
    latents = (samples + 2 * min(config.batch_size, dataset_size)) * config.latent_dim
    return [
        Need("the weights and their optimiser", WEIGHT_COPIES * weight_bytes(config), "latent_dim"),
        Need("a batch of images", 4 * images, "batch_size"),
        Need("the images of the Frechet loss", 4 * matched, "frechet_steps"),
        Need("latents", 4 * latents, "latent_dim"),
    ]


def require_training_memory(config: GanConfig, dataset_size: int, device: torch.device | None = None) -> None:
    """Raise ConfigError if a training cannot fit into memory."""
    require_memory("the training", *training_needs(config, dataset_size), device=device)


def require_study_memory(configs: Sequence[GanConfig], dataset_size: int, jobs: int) -> None:
    """Raise ConfigError if the largest `jobs` runs of a study cannot fit into memory beside each other."""
    needs = [sum(need.num_bytes for need in training_needs(config, dataset_size)) for config in configs]
    largest = sorted(needs, reverse=True)[:jobs]
    require_memory(f"the study, {len(largest)} runs at a time,", Need("them", sum(largest), "jobs or batch_size"))


def require_classifier_memory(
    batch_size: int, dataset_size: int, total_steps: int, device: torch.device | None = None
) -> None:
    """Raise ConfigError if a training of the classifier cannot fit into memory."""
    images = min(batch_size, dataset_size) * CLASSIFIER_FLOATS_PER_IMAGE
    require_memory(
        "the training",
        Need("a batch of images", 4 * images, "batch_size"),
        Need("the shift of every step", 2 * 8 * total_steps, "epochs"),
        device=device,
    )


def weight_bytes(config: GanConfig) -> int:
    """Bytes of the weights of both networks, which are built without memory."""
    sizes = config.latent_dim, config.batchnorm_eps, config.channels, require_classes(config)
    networks = build_without_memory(config.architecture, *sizes)
    return sum(4 * parameter.numel() for network in networks for parameter in network.parameters())


def _floats_per_image(config: GanConfig) -> float:
    return FLOATS_PER_IMAGE.get(config.architecture, min(FLOATS_PER_IMAGE.values()))
