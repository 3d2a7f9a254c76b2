"""A step of the game as the loop sees it, whichever way its gradients are come by."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from palingen.adversarial.annealing import gamma, set_adam
from palingen.adversarial.by_hand import HandStep, lay_flat
from palingen.adversarial.experiment import GanRun
from palingen.adversarial.game import play, play_by_pieces
from palingen.adversarial.losses import LOSSES, Scalar
from palingen.adversarial.networks import MlpDiscriminator, MlpGenerator
from palingen.adversarial.penalties import BETWEEN, PENALTIES
from palingen.adversarial.pieces import piecewise_linear
from palingen.team import Team


class Steps:
    """Both players, their optimisers, and how the two move."""

    def __init__(self, config: GanRun, generator: nn.Module, discriminator: nn.Module) -> None:
        self.config, self.generator, self.discriminator = config, generator, discriminator
        self._by_pieces: bool | None = None  # known once there are images to try
        self.of_generator, self.of_discriminator = self._adam(generator), self._adam(discriminator)
        self._by_hand = self._hand() if config.engine == "by-hand" else None

    def _adam(self, player: nn.Module) -> torch.optim.Adam:
        weights = [lay_flat(player)] if self.config.engine == "by-hand" else list(player.parameters())
        betas = (self.config.beta1, self.config.beta2)
        return torch.optim.Adam(weights, self.config.learning_rate, betas, fused=True)

    def play(
        self,
        real: Float[Tensor, "B channels 28 28"],
        latents: Float[Tensor, "B Z"],
        labels: Int64[Tensor, " B"] | None = None,
        shares: Float[Tensor, " B"] | None = None,
        done: float = 0.0,
    ) -> tuple[Scalar, Scalar, Scalar, Scalar]:
        """Leave both players' gradients; both losses and the discriminator's accuracy on real and fake.

        Args:
            real: images in -1 to 1.
            latents: the generator's inputs, with the classes of `labels` if there are any.
            labels: the classes of the real and of the generated images.
            shares: a number from 0 to 1 for each pair of images, for a penalty between the two.
            done: how much of the training is.
        """
        config = self.config
        players, loss, scale = (self.generator, self.discriminator), LOSSES[config.loss], config.discriminator_scale
        if self._by_hand:
            return self._by_hand.play(loss, scale, real, latents)
        if config.penalty == "none":
            return play(*players, loss, scale, real, latents, labels, precision=config.precision)
        penalty = PENALTIES[config.penalty], gamma(config, done)
        if self._by_pieces is None:
            self._by_pieces = config.penalty not in BETWEEN and piecewise_linear(self.discriminator, real[:1])
        if self._by_pieces:
            return play_by_pieces(*players, loss, scale, real, latents, labels, penalty, config.precision)
        return play(*players, loss, scale, real, latents, labels, penalty, shares, config.precision)

    def gather(self, team: Team, weight: float) -> None:
        """Add up what all processes found, each times its weight: both players' gradients, BatchNorm's statistics."""
        groups = [*self.of_generator.param_groups, *self.of_discriminator.param_groups]
        gradients = [parameter.grad for group in groups for parameter in group["params"]]
        statistics = [buffer for buffer in self.generator.buffers() if buffer.is_floating_point()]
        team.add_up([*gradients, *statistics], weight)

    def move(self, done: float = 0.0) -> None:
        """Let both players go a step down their gradients."""
        for optimizer in (self.of_generator, self.of_discriminator):
            set_adam(optimizer, self.config, done)
            optimizer.step()

    def _hand(self) -> HandStep:
        if not isinstance(self.generator, MlpGenerator) or not isinstance(self.discriminator, MlpDiscriminator):
            raise TypeError("only the fully connected pair is written out by hand")
        return HandStep(self.generator, self.discriminator, self.config.precision)
