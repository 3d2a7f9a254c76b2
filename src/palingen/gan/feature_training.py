"""Training of the feature networks that the Frechet loss compares images with.

A network sees one channel at a time, as a picture. The features of all channels of an image stand beside each other, so
that their covariances hold how often two digits come together.

B  images of a batch      F  features of an image, all channels together
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy

from palingen.gan.config import GanConfig
from palingen.gan.data.datasets import ImageDataset, load_batch
from palingen.gan.models.feature_networks import FEATURE_NETWORKS, FeatureNetwork
from palingen.gan.objectives.schedules import cosine_interpolate
from palingen.gan.steps.adam_state import AdamState
from palingen.gan.steps.forward import autocast
from palingen.runtime.distributed import ProcessGroup
from palingen.runtime.errors import DataError
from palingen.runtime.training_loop import BatchPlan

EPOCHS, BATCH_SIZE, LEARNING_RATE = 6, 256, 2e-3
"""Passes over the images, pictures a step, and largest learning rate of Adam."""

WARMUP_FRACTION = 0.2
"""Fraction of the steps over which the learning rate rises from zero; then it falls to zero."""

MAX_NAMES = 10
"""Names of classes in a message."""


class FeatureTraining:
    """Feature networks, trained together to tell the classes of the training images.

    Args:
        config: the experiment.
        dataset: training images.
        process_group: processes that share every batch.
        max_steps: most steps there is time for.

    Raises:
        DataError: the images do not have the classes that are needed.
    """

    def __init__(self, config: GanConfig, dataset: ImageDataset, process_group: ProcessGroup, max_steps: int) -> None:
        self.config, self.dataset, self.process_group = config, dataset, process_group
        self.device = process_group.device
        self.size = len(dataset) // config.channels
        """Images that are used: with as many pictures as there are images."""
        self.plan = BatchPlan(
            dataset_size=self.size,
            batch_size=min(BATCH_SIZE // config.channels, self.size),
            epochs=EPOCHS // config.channels,
            seed=config.seed,
            min_batch_size=process_group.world_size,
        )
        self.steps = min(self.plan.total_steps, max_steps)
        self.num_classes = require_feature_classes(config, dataset)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.networks = [build(self.num_classes) for build in FEATURE_NETWORKS]
        # CPU convolutions and pooling are faster in channels-last order
        self.module = nn.ModuleList(self.networks).to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.Adam(self.module.parameters(), LEARNING_RATE)
        self._epoch: tuple[int, list[Tensor]] = -1, []

    @property
    def state(self) -> dict[str, Any]:
        """Everything a checkpoint must hold, by name."""
        return {"feature_networks": self.module, "feature_optimizer": AdamState(self.optimizer)}

    def step(self, number: int) -> None:
        """Update the networks once, from number 1 on, each with the same batch, shifted by up to one pixel."""
        indices = self._batch(number - 1)
        shard = self.process_group.shard(indices)
        shift = torch.randint(-1, 2, (2,), generator=Generator().manual_seed(number)).tolist()
        pictures = _split_channels(load_batch(self.dataset, shard).roll(shift, (2, 3)))
        labels = self.dataset.channel_labels[shard].flatten()
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate(number / self.steps)
        with autocast(self.config.precision, self.device):
            logits = [network(pictures) for network in self.networks]
        self.optimizer.zero_grad()
        torch.stack([cross_entropy(output.float(), labels) for output in logits]).sum().backward()
        gradients = [parameter.grad for parameter in self.module.parameters() if parameter.grad is not None]
        self.process_group.all_reduce_sum(gradients, len(shard) / len(indices))
        self.optimizer.step()

    def features(self, network: FeatureNetwork, images: Float[Tensor, "B channels 28 28"]) -> Float[Tensor, "B F"]:
        """Features of the channels of each image, beside each other."""
        with autocast(self.config.precision, self.device):
            features = network.features(_split_channels(images))
        return features.view(len(images), -1).float()

    def _batch(self, step: int) -> Tensor:
        epoch, position = divmod(step, self.plan.steps_per_epoch)
        if self._epoch[0] != epoch:
            self._epoch = epoch, self.plan.batches(epoch, self.device)
        return self._epoch[1][position]

    def _learning_rate(self, progress: float) -> float:
        rising = min(1.0, progress / WARMUP_FRACTION)
        falling = cosine_interpolate(1.0, 0.0, max(0.0, (progress - WARMUP_FRACTION) / (1 - WARMUP_FRACTION)))
        return LEARNING_RATE * rising * falling


def require_feature_classes(config: GanConfig, dataset: ImageDataset) -> int:
    """Number of classes that the feature networks tell apart.

    Raises:
        DataError: the images have no classes, or a class that is matched by itself has no covariance.
    """
    num_classes = int(dataset.channel_labels.max()) + 1
    if num_classes < 2:
        rule = f"needs images of several classes; {config.data} has one"
        raise DataError(f"frechet_steps={config.frechet_steps}: {rule}")
    if config.conditional and (names := _rare_classes(dataset)):
        rule = f"needs two training images of each class; {config.data} has fewer of {names}"
        raise DataError(f"frechet_steps={config.frechet_steps}: {rule}")
    return num_classes


def _rare_classes(dataset: ImageDataset) -> str:
    """Names of the classes with fewer than two images, the first of them if there are many."""
    names = dataset.info.class_names
    counts = torch.bincount(dataset.labels, minlength=len(names)).tolist()
    rare = [name for name, count in zip(names, counts, strict=True) if count < 2]
    return ", ".join(rare[:MAX_NAMES]) + ", ..." * (len(rare) > MAX_NAMES)


def _split_channels(images: Float[Tensor, "B channels 28 28"]) -> Float[Tensor, "B*channels 1 28 28"]:
    """Every channel as a picture."""
    return images.flatten(0, 1).unsqueeze(1)
