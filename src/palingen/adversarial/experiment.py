"""The experiment: what one game of generator against discriminator is made of."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from palingen.adversarial.networks import PAIRS
from palingen.config import check, check_types

CLASSES = 10

LossName = Literal["minimax", "non-saturating", "least-squares", "hinge", "wasserstein", "relativistic"]


@dataclass(frozen=True, kw_only=True)
class GanRun:
    """Train a generator and a discriminator against each other. The defaults are the course's."""

    pair: Literal["mlp", "conv", "residual"] = "mlp"
    """Networks: `mlp`, the course's fully connected pair; `conv`, a small DCGAN; `residual`, blocks without
    normalisation."""

    conditional: bool = False
    """Whether an image is asked for by its class and judged as one of that class."""

    loss: LossName = "non-saturating"
    """Both sides of the game: `non-saturating` is binary cross-entropy, for the generator against the label "real"."""

    penalty: Literal["none", "r1", "r2", "r1-r2", "gradient"] = "none"
    """What keeps the discriminator from being steep, added to its loss at every step."""

    gamma: float = 1.0
    """Factor of the penalty."""

    gamma_decay: float = 1.0
    """What gamma is multiplied by at the end, half a cosine on the way; 1 keeps it."""

    data: str = "mnist"
    """`mnist`; `stacked`, three of its digits side by side, 1000 kinds; or a folder of four IDX files with the same
    names."""

    latent_dim: int = 100
    """Z, dimensions of the standard normal noise."""

    truncation: float = 0.0
    """How long a latent may be when the trained generator draws, over sqrt(Z); longer ones are shortened to it. 0 takes
    them as they come, as training always does."""

    batch_size: int = 64
    """Real images a step, and as many generated ones."""

    epochs: int = 200
    """Passes over the training images."""

    learning_rate: float = 2e-4
    """Adam's step size, for both networks."""

    learning_rate_decay: float = 1.0
    """What the learning rate is multiplied by at the end, half a cosine on the way; 1 keeps it."""

    warm_up: float = 0.0
    """Share of the steps over which the learning rate rises from zero."""

    beta1: float = 0.9
    """Adam's smoothing of the gradient."""

    beta2: float = 0.999
    """Adam's smoothing of the squared gradient."""

    beta2_end: float = 0.0
    """The same at the end, half a cosine on the way; 0 keeps it."""

    batchnorm_eps: float = 1e-5
    """What BatchNorm adds to the variance. The widely copied script passes 0.8 in this place."""

    discriminator_scale: float = 1.0
    """Factor of the discriminator's loss, real plus fake."""

    average_steps: int = 0
    """Steps after which the average of the generator's weights has forgotten half; at first a twentieth of the steps so
    far. The averaged generator is the one that is kept; 0 keeps the last weights themselves."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """Number format of the networks' products; weights, losses and Adam stay in float32."""

    engine: Literal["autograd", "by-hand"] = "autograd"
    """How gradients are come by: by torch's autograd, or, for the bare `mlp` pair, by the same products written out,
    which is faster and equal but for rounding."""

    watch_samples: int = 2000
    """Images, real and generated, of which the Frechet distance, coverage and recall are recorded after epochs 1, 2, 5,
    10, 20, 50, ... (too few for a score to report); 0 does not watch."""

    save_interval: int = 500
    """Steps between two grids of images."""

    record_interval: int = 100
    """Steps averaged into one record."""

    seed: int = 0
    """Seed of the weights, the noise and the order."""

    def __post_init__(self) -> None:
        check_types(self)
        for name in ("latent_dim", "epochs", "save_interval", "record_interval"):
            check(self, name, getattr(self, name) >= 1, "at least 1")
        for name in ("learning_rate", "batchnorm_eps", "discriminator_scale", "gamma"):
            check(self, name, getattr(self, name) > 0, "above 0")
        for name in ("learning_rate_decay", "gamma_decay"):
            check(self, name, 0 < getattr(self, name) <= 1, "above 0 and at most 1")
        for name in ("warm_up", "beta1", "beta2", "beta2_end"):
            check(self, name, 0 <= getattr(self, name) < 1, "at least 0 and below 1")
        check(self, "truncation", self.truncation >= 0, "at least 0")
        check(self, "average_steps", self.average_steps >= 0, "at least 0")
        check(self, "watch_samples", self.watch_samples == 0 or self.watch_samples >= 100, "0 or at least 100")
        check(self, "batch_size", self.batch_size >= 2, "at least 2 (BatchNorm needs two images)")
        check(self, "seed", 0 <= self.seed < 2**31, "between 0 and 2147483647")
        bare = self.pair == "mlp" and self.penalty == "none" and not self.conditional
        check(
            self,
            "engine",
            bare or self.engine == "autograd",
            "for this pair: it is written for `mlp` without penalty or classes",
        )
        check(self, "conditional", not (self.conditional and self.data == "stacked"), "to be had with stacked digits")

    @property
    def classes(self) -> int:
        """K, the classes that can be asked for; 0 if none."""
        return CLASSES if self.conditional else 0

    @property
    def channels(self) -> int:
        """Grey images that make one example."""
        return 3 if self.data == "stacked" else 1


def networks(config: GanRun) -> tuple[nn.Module, nn.Module]:
    """The untrained generator and discriminator of an experiment; its seed decides the weights.

    A class-conditional generator holds `class_shares`, how the training images fall into the classes.
    """
    torch.manual_seed(config.seed)
    pair = PAIRS[config.pair](config.latent_dim, config.batchnorm_eps, config.channels, config.classes)
    generator, discriminator = pair
    if config.conditional:
        generator.register_buffer("class_shares", torch.full((config.classes,), 1 / config.classes))
    return generator, discriminator
