"""Last part of a GAN training: the generator's features are matched with those of the training images as well.

    feature networks   trained on the training images in the steps before, one batch a step
    matching           at each of the last `frechet_steps` steps, after the adversarial step, one step of the generator
                       against the Frechet distance

Matching starts from the generator's average, and both learning rates fall to zero. The adversarial game goes on: with
the moments of a few networks alone, the distance in the features of a network that takes no part falls less.

K  classes
"""

from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from palingen.gan.data.datasets import load_batch
from palingen.gan.feature_training import FeatureTraining
from palingen.gan.objectives.frechet_loss import FRECHET_BATCH, FrechetLoss, Moments
from palingen.gan.objectives.schedules import cosine_interpolate, learning_rate
from palingen.gan.sampling.latents import NoiseSource, append_one_hot
from palingen.gan.steps.adam_state import AdamState
from palingen.gan.steps.generator_pass import generator_pass
from palingen.gan.trainer import GanTrainer

START_BATCHES = 20
"""Batches from which the running moments start."""

UPDATE_INTERVAL = 10
"""Steps between two updates of the loss's weights, which take an eigendecomposition for every class."""

BETAS = (0.5, 0.99)
"""Adam's betas for the matching steps."""

AVERAGED_FRACTION = 0.1
"""Largest half-life of the generator's average during the matching steps, as a fraction of their number."""


class FrechetTuning:
    """Feature networks and matching steps of a training.

    Args:
        trainer: the training whose generator is matched.
        total_steps: steps of the training.

    Raises:
        DataError: the images do not have the classes that are needed.
    """

    def __init__(self, trainer: GanTrainer, total_steps: int) -> None:
        config, self.trainer, self.process_group = trainer.config, trainer, trainer.process_group
        self.config, self.dataset, self.device = config, trainer.dataset, trainer.process_group.device
        self.steps = config.frechet_steps or 0
        self.start = total_steps - self.steps
        self.training = FeatureTraining(config, self.dataset, self.process_group, max_steps=self.start)
        self.num_conditions = trainer.num_classes
        self.generator = generator_pass(trainer.train_step, trainer.generator, config.precision)
        self.optimizer = torch.optim.Adam(trainer.generator.parameters(), betas=BETAS)
        groups, sizes = self.num_conditions or 1, [network.head.in_features for network in self.training.networks]
        self.losses = [FrechetLoss(groups, config.channels * size, self.device) for size in sizes]
        self.noise = NoiseSource(config.seed + 1, self.device)

    @property
    def state(self) -> dict[str, Any]:
        """Everything a checkpoint must hold, by name."""
        losses = {f"frechet_loss_{index}": loss for index, loss in enumerate(self.losses)}
        return {
            **self.training.state,
            "frechet_optimizer": AdamState(self.optimizer),
            "frechet_noise": self.noise,
            **losses,
        }

    def prepare(self, number: int) -> tuple[float, float | None]:
        """Set the half-life of the generator's average for an adversarial step.

        Args:
            number: number of the step, from 1.

        Returns:
            The fraction of the schedules that is done, which end where matching starts, and a learning rate that
            replaces that of the schedule, or None.
        """
        if number <= self.start:
            return number / self.start, None
        if self.trainer.ema:
            self.trainer.ema.half_life = min(self.trainer.ema.half_life, AVERAGED_FRACTION * self.steps)
        return 1.0, self._falling(learning_rate(self.config, 1.0), number)

    def step(self, number: int) -> None:
        """Do what follows the adversarial step of this number, from 1."""
        if number > self.start:
            self._match(number)
        elif number > (first := self.start - self.training.steps):
            self.training.step(number - first)
        if number == self.start:
            self._begin()

    def _falling(self, rate: float, number: int) -> float:
        """Learning rate at a matching step, of one that falls from `rate` to zero."""
        return cosine_interpolate(rate, 0.0, (number - self.start - 1) / self.steps)

    @torch.no_grad()
    def _begin(self) -> None:
        """Start from the averaged generator, and compute the moments of the real and of its images."""
        generator = self.trainer.generator
        if self.trainer.ema:
            for parameter, average in zip(generator.parameters(), self.trainer.ema.network.parameters(), strict=True):
                parameter.copy_(average)
        labels = self.dataset.labels if self.config.conditional else None
        everything = torch.arange(self.training.size, device=self.device).split(FRECHET_BATCH)
        for network, loss in zip(self.training.networks, self.losses, strict=True):
            features = [self.training.features(network, load_batch(self.dataset, indices)) for indices in everything]
            loss.set_real(torch.cat(features), labels)
        batches = [self._generate() for _ in range(START_BATCHES)]
        for network, loss in zip(self.training.networks, self.losses, strict=True):
            loss.start([self._moments(loss, self.training.features(network, images)) for images in batches])

    def _match(self, number: int) -> None:
        """Update the generator once against the Frechet distance."""
        parameters = list(self.trainer.generator.parameters())
        adversarial = [parameter.grad for parameter in parameters]  # an engine may write into these at its next step
        self._write_gradients()
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        self.process_group.all_reduce_sum(gradients, 1 / self.process_group.world_size)
        for group in self.optimizer.param_groups:
            group["lr"] = self._falling(self.config.frechet_learning_rate, number)
        self.optimizer.step()
        for parameter, gradient in zip(parameters, adversarial, strict=True):
            parameter.grad = gradient
        if number % UPDATE_INTERVAL == 0:
            for loss in self.losses:
                loss.update_weight()

    def _write_gradients(self) -> None:
        """Write this process's gradients of the distance to the generator's parameters, after the running moments."""
        images = self._generate().requires_grad_()
        features, of_features = [], []
        for network, loss in zip(self.training.networks, self.losses, strict=True):
            features.append(self.training.features(network, images))
            loss.update_moments(self._moments(loss, features[-1]))
            of_features.append(loss.gradient(features[-1]) / len(self.losses))
        (grad_images,) = torch.autograd.grad(features, [images], of_features)
        with torch.no_grad():
            self.generator.write_grads(grad_images)

    @cached_property
    def labels(self) -> Tensor:
        """Classes of a matching batch, sorted, equally many of each for every process; one group if unconditional."""
        groups, processes = self.num_conditions or 1, self.process_group.world_size
        count = max(2, FRECHET_BATCH // self.config.channels // (groups * processes)) * processes
        return torch.arange(groups, device=self.device).repeat_interleave(count)

    @torch.no_grad()
    def _generate(self) -> Tensor:
        """Images of this process's shard of a batch, without a graph."""
        shard = self.process_group.shard
        latents = shard(self.noise.sample(len(self.labels), self.config.latent_dim))
        classes = shard(self.labels) if self.config.conditional else None
        return self.generator.forward(append_one_hot(latents, classes, self.num_conditions))

    def _moments(self, loss: FrechetLoss, features: Tensor) -> Moments:
        """Moments of a batch over all processes."""
        moments = loss.moments(features)
        self.process_group.all_reduce_sum(moments, 1 / self.process_group.world_size)
        return moments
