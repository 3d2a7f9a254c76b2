"""Generator and discriminator at play: their optimisers, their noise, the generator's average.

B  images      Z  latent dimensions      K  classes
"""

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from palingen.adversarial.averaging import Average, settle
from palingen.adversarial.examples import Examples
from palingen.adversarial.examples import batch as batch_of
from palingen.adversarial.experiment import GanRun, networks
from palingen.adversarial.latent import draw_latents, with_classes
from palingen.adversarial.losses import Scalar
from palingen.adversarial.penalties import BETWEEN
from palingen.adversarial.steps import Steps
from palingen.loop import Noise, Stateful
from palingen.team import Team

SETTLING = 10_000
"""Latents over which an averaged generator's BatchNorm statistics are taken."""


class Players:
    """Both networks and all that moves them."""

    def __init__(self, config: GanRun, examples: Examples, team: Team) -> None:
        self.config, self.examples, self.team = config, examples, team
        self.generator, self.discriminator = (_on(team.device, network) for network in networks(config))
        if config.conditional:
            occurring = torch.bincount(examples.labels, minlength=config.classes) / len(examples)
            self.generator.get_buffer("class_shares").copy_(occurring)
        self.steps = Steps(config, self.generator, self.discriminator)
        self.average = Average(self.generator, config.average_steps) if config.average_steps else None
        self.noise = Noise(config.seed, team.device)

    @property
    def parts(self) -> dict[str, Stateful]:
        """All that a checkpoint must hold."""
        parts: dict[str, Stateful] = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "of_generator": self.steps.of_generator,
            "of_discriminator": self.steps.of_discriminator,
            "noise": self.noise,
        }
        return {**parts, "average": self.average} if self.average else parts

    @property
    def weights(self) -> dict[str, Tensor]:
        """Both networks' weights by name."""
        players = {"generator": self.generator, "discriminator": self.discriminator}
        return {f"{player}.{name}": tensor for player, network in players.items()
                for name, tensor in network.state_dict().items()}  # fmt: skip

    def step(self, batch: Int64[Tensor, " B"], number: int, done: float) -> tuple[Scalar, Scalar, Scalar, Scalar]:
        """One step of both over this process's share of a batch; what `Steps.play` tells of the share.

        Args:
            batch: positions of the real images.
            number: of the step, from 1.
            done: how much of the training is.
        """
        config, count, own = self.config, len(batch), self.team.share(batch)
        real = batch_of(self.examples, own)
        labels = self.examples.labels[own] if config.conditional else None
        noise = self.team.share(self.noise.draw(count, config.latent_dim))
        uniform = torch.special.ndtr(self.team.share(self.noise.draw(count))) if config.penalty in BETWEEN else None
        told = self.steps.play(real, with_classes(noise, labels, config.classes), labels, uniform, done)
        self.steps.gather(self.team, len(own) / count)
        self.steps.move(done)
        if self.average:
            self.average.update(self.generator, number)
        return told

    def drawing(self) -> nn.Module:
        """The generator to look at: the averaged one with fresh BatchNorm statistics, else the one that plays."""
        if self.average is None:
            return self.generator
        config = self.config
        labels = torch.arange(SETTLING) % config.classes if config.conditional else None
        inputs = with_classes(draw_latents(SETTLING, config.latent_dim, config.seed), labels, config.classes)
        settle(self.average.network, inputs.to(self.team.device).split(500))
        return self.average.network


def _on(device: torch.device, network: nn.Module) -> nn.Module:
    # channels last is what the convolutions of a processor are several times as fast in, half precision above all
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
