"""GAN trainer: both networks, their optimisers, the noise, and the generator's weight average.

B  images      Z  latent dimensions      K  classes
"""

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from palingen.gan.config import GanConfig, build_networks, require_classes
from palingen.gan.data.datasets import ImageDataset, load_batch
from palingen.gan.models import Networks
from palingen.gan.models.residual import ResidualGenerator
from palingen.gan.objectives.ema import BN_SAMPLES, EMA, update_bn_stats
from palingen.gan.objectives.schedules import build_adam, penalty_weight, update_adam
from palingen.gan.objectives.user_objectives import load_loss, load_penalty
from palingen.gan.sampling.latents import NoiseSource, append_one_hot, sample_inputs
from palingen.gan.steps import STEPS, EngineName, resolve_engine
from palingen.gan.steps.adam_state import AdamState
from palingen.gan.steps.cuda_graph import StepGraph
from palingen.gan.steps.protocol import StepInputs, StepMetrics, StepSetup, UpdatingStep
from palingen.runtime.distributed import ProcessGroup
from palingen.runtime.numerics import Execution, current_execution
from palingen.runtime.training_loop import Stateful
from palingen.runtime.user_code import find_references

GRAPH_SUFFIX = ", CUDA graph"
"""Ending of the engine's name in records if its step is a CUDA graph."""


class GanTrainer:
    """Everything that a training step changes.

    Args:
        config: the experiment.
        dataset: training images, on the process's device.
        process_group: processes that train together.
        engine: implementation of the step; `auto` is the fastest that supports the config, on one CUDA device as a
            CUDA graph.

    Raises:
        ConfigError: the engine does not support the config, or the images have no classes to be conditioned on.
    """

    def __init__(
        self, config: GanConfig, dataset: ImageDataset, process_group: ProcessGroup, engine: EngineName = "auto"
    ) -> None:
        self.config, self.dataset, self.process_group = config, dataset, process_group
        self.num_classes = require_classes(config, dataset.info.num_classes)
        networks = build_networks(config, self.num_classes)
        self.generator, self.discriminator = (_to_device(network, process_group.device) for network in networks)
        if config.conditional:
            frequencies = torch.bincount(dataset.labels, minlength=self.num_classes) / len(dataset)
            self.generator.get_buffer("class_frequencies").copy_(frequencies)
        setup = step_setup(config, Networks(self.generator, self.discriminator))
        self.penalty, self.engine = setup.penalty, resolve_engine(engine, setup)
        self.train_step = STEPS[self.engine](setup)
        uses_graph = engine == "auto" and process_group.device.type == "cuda" and process_group.world_size == 1
        self.optimizers = [
            build_adam(parameters, config, capturable=uses_graph) for parameters in self.train_step.parameters()
        ]
        self.ema = EMA(self.generator, config.ema_half_life) if config.ema_half_life else None
        self.noise = NoiseSource(config.seed, process_group.device)
        self._graph: StepGraph | None = None
        if uses_graph:
            self.engine += GRAPH_SUFFIX
            recorded = self._update if config.beta2_final is None else self._compute_gradients  # it holds one beta2
            parameters = [parameter for group in self.train_step.parameters() for parameter in group]
            self._graph = StepGraph(recorded, self.noise.generator, parameters)

    @property
    def execution(self) -> Execution:
        """How the steps are computed."""
        return current_execution(self.engine, self.process_group.device, self.process_group.world_size)

    @property
    def state(self) -> dict[str, Stateful]:
        """Everything a checkpoint must hold, by name."""
        generator_optimizer, discriminator_optimizer = self.optimizers
        state: dict[str, Stateful] = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "generator_optimizer": AdamState(generator_optimizer),
            "discriminator_optimizer": AdamState(discriminator_optimizer),
            "noise": self.noise,
        }
        return {**state, "ema": self.ema} if self.ema else state

    @property
    def weights(self) -> dict[str, Tensor]:
        """Weights of both networks, by name."""
        networks = {"generator": self.generator, "discriminator": self.discriminator}
        return {
            f"{name}.{key}": tensor
            for name, network in networks.items()
            for key, tensor in network.state_dict().items()
        }

    def step(
        self, batch: Int64[Tensor, " B"], number: int, progress: float, learning_rate: float | None = None
    ) -> StepMetrics:
        """Update both networks once; return the metrics of this process's shard.

        Args:
            batch: positions of the real images.
            number: number of the step, from 1.
            progress: fraction of the schedules that is done.
            learning_rate: replaces that of the schedule.
        """
        weight = penalty_weight(self.config, progress)
        for optimizer in self.optimizers:
            update_adam(optimizer, self.config, progress, learning_rate)
        if self._graph is None:
            metrics = self._update(batch, weight)
        else:
            metrics = self._graph(batch, weight)
            if self.config.beta2_final is not None:
                self._optimize()
        if self.ema:
            self.ema.update(self.generator, number)
        return metrics

    def _update(self, batch: Int64[Tensor, " B"], weight: float | Tensor) -> StepMetrics:
        if isinstance(self.train_step, UpdatingStep) and self.process_group.world_size == 1:
            return self.train_step.update(self._inputs(batch, batch), weight, self.optimizers)
        metrics = self._compute_gradients(batch, weight)
        self._optimize()
        return metrics

    def _compute_gradients(self, batch: Int64[Tensor, " B"], weight: float | Tensor) -> StepMetrics:
        """Write the gradients of both networks to their parameters' `.grad`; return the metrics."""
        shard = self.process_group.shard(batch)
        metrics = self.train_step.compute_gradients(self._inputs(batch, shard), weight)
        self._all_reduce(len(shard) / len(batch))
        return metrics

    def _optimize(self) -> None:
        for optimizer in self.optimizers:
            optimizer.step()

    def sampling_generator(self) -> nn.Module:
        """Generator to sample from: the averaged one with fresh BatchNorm statistics, else the trained one."""
        generator = self.generator
        if self.ema is not None:
            generator = self.ema.network
            inputs = sample_inputs(BN_SAMPLES, self.config.latent_dim, self.num_classes, self.config.seed)
            update_bn_stats(generator, inputs.to(self.process_group.device).split(500))
        if self.config.output_gain == 1:
            return generator
        assert isinstance(generator, ResidualGenerator)  # checked by the config
        return generator.amplified(self.config.output_gain)

    def _inputs(self, batch: Int64[Tensor, " B"], shard: Int64[Tensor, " b"]) -> StepInputs:
        """Inputs of this process's shard. Every process samples the noise of the whole batch, so that all agree."""
        config, sharded = self.config, self.process_group.shard
        labels = self.dataset.labels[shard] if config.conditional else None
        latents = sharded(self.noise.sample(len(batch), config.latent_dim))
        is_interpolated = self.penalty is not None and self.penalty.interpolated
        interpolation = torch.special.ndtr(sharded(self.noise.sample(len(batch)))) if is_interpolated else None
        real = load_batch(self.dataset, shard)
        return StepInputs(real, append_one_hot(latents, labels, self.num_classes), labels, interpolation)

    def _all_reduce(self, weight: float) -> None:
        """Sum the gradients and BatchNorm statistics of all processes, each with its weight."""
        groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]
        gradients = [parameter.grad for group in groups for parameter in group["params"]]
        statistics = [buffer for buffer in self.generator.buffers() if buffer.is_floating_point()]
        self.process_group.all_reduce_sum([*gradients, *statistics], weight)


def step_setup(config: GanConfig, networks: Networks) -> StepSetup:
    """Setup of the training steps of an experiment.

    Raises:
        ConfigError: the loss or the penalty is a user's, and does not fit.
    """
    return StepSetup(
        networks,
        load_loss(config.loss),
        config.discriminator_loss_weight,
        load_penalty(config.penalty) if config.penalty else None,
        config.precision,
        config.channels,
    )


def require_user_parts(config: GanConfig) -> None:
    """Try a user's networks, loss and penalty before anything is written.

    Raises:
        ConfigError: one of them fails, or does not fit.
    """
    if find_references(config):
        step_setup(config, build_networks(config))


def require_engine(engine: EngineName, config: GanConfig, device: torch.device) -> None:
    """Check before anything is written that an engine supports an experiment; `auto` finds one for each.

    Raises:
        ConfigError: it does not.
    """
    if engine != "auto":
        resolve_training_engine(engine, config, device)


def resolve_training_engine(engine: EngineName, config: GanConfig, device: torch.device) -> str:
    """Engine that a training gets: the one called `engine`, or the fastest that supports the experiment for `auto`.

    Raises:
        ConfigError: it does not support the experiment.
    """
    networks = Networks(*(_to_device(network, device) for network in build_networks(config)))
    return resolve_engine(engine, step_setup(config, networks))


def _to_device(network: nn.Module, device: torch.device) -> nn.Module:
    # CPU convolutions are several times faster in channels-last order, above all in bfloat16
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
