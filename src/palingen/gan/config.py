"""Config of a GAN training, and its untrained networks."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from palingen.gan.data.sources import count_classes
from palingen.gan.models import Networks
from palingen.gan.models.residual import ResidualGenerator
from palingen.gan.models.user_networks import load_architecture
from palingen.runtime.user_code import read_code
from palingen.runtime.validation import COUNT, MAX_COUNT, SEED, Interval, require_field, require_ranges, validate_types

MIN_MONITOR_SAMPLES = 100
"""Fewest images that the monitor compares; with fewer the metrics are noise."""

FRACTION = Interval(minimum=0, below=1)

RATIO = Interval(above=0, maximum=1)

WEIGHT = Interval(above=0, maximum=1e6, too_large="beyond, nothing else of the loss counts in float32")

RANGES = {
    "latent_dim": COUNT,
    "output_gain": Interval(above=0, maximum=10, too_large="nearly every pixel would be black or white"),
    "batchnorm_eps": Interval(above=0, maximum=100, too_large="far above any variance, nothing is normalised"),
    "discriminator_loss_weight": WEIGHT,
    "penalty_weight": WEIGHT,
    "penalty_weight_final_ratio": RATIO,
    "batch_size": Interval(minimum=2, maximum=MAX_COUNT, too_small="BatchNorm needs two images"),
    "epochs": COUNT,
    "learning_rate": Interval(above=0, maximum=100, too_large="about the change of a weight at each step"),
    "lr_final_ratio": RATIO,
    "warmup_fraction": FRACTION,
    "beta1": FRACTION,
    "beta2": FRACTION,
    "beta2_final": FRACTION,
    "ema_half_life": COUNT,
    "frechet_steps": COUNT,
    "frechet_learning_rate": Interval(above=0, maximum=100, too_large="about the change of a weight at each step"),
    "monitor_samples": Interval(minimum=MIN_MONITOR_SAMPLES, maximum=MAX_COUNT),
    "save_interval": COUNT,
    "log_interval": COUNT,
    "seed": SEED,
}
"""Valid values of each number."""

LossName = Literal["minimax", "non-saturating", "least-squares", "hinge", "wasserstein", "relativistic"]


@dataclass(frozen=True, kw_only=True)
class GanConfig:
    """Train a generator and a discriminator against each other. The defaults are the course's."""

    data: str = "mnist"
    """Training images: `mnist`, `stacked` (three digits as channels), `fashion-mnist`, `kmnist`, `emnist-letters`,
    `emnist-balanced`, a folder, or an `.npz` file."""

    latent_dim: int = 100
    """Dimensions Z of the standard normal latents."""

    architecture: Literal["mlp", "conv", "residual"] | str = "mlp"
    """Networks: `mlp` (the course's, fully connected), `conv` (a small DCGAN), `residual` (no normalisation), or
    FILE.py:NAME."""

    generator_output: Literal["tanh", "linear"] = "tanh"
    """Last operation of the generator; `linear` (with architecture `residual`) does not saturate at black."""

    output_gain: float = 1.0
    """Factor of a `linear` output when images are sampled. Above 1, grey levels near black and white become black and
    white, as most pixels of a real digit are."""

    conditional: bool = False
    """Class-conditional generator and discriminator."""

    batchnorm_eps: float = 1e-5
    """BatchNorm's eps. The widely copied public script passes 0.8 here by mistake."""

    loss: LossName | str = "non-saturating"
    """Adversarial loss, or FILE.py:NAME. The course's, binary cross-entropy, is `non-saturating`."""

    discriminator_loss_weight: float = 1.0
    """Factor of the discriminator's loss (real plus fake), penalty excluded."""

    penalty: Literal["r1", "r2", "r1-r2", "wgan-gp"] | str | None = None
    """Gradient penalty on the discriminator, at every step, or FILE.py:NAME."""

    penalty_weight: float = 1.0
    """Weight of the gradient penalty."""

    penalty_weight_final_ratio: float = 1.0
    """Final penalty weight over the first; `schedule` sets how it falls."""

    batch_size: int = 64
    """Real images a step, and as many generated ones."""

    epochs: int = 200
    """Passes over the training images."""

    learning_rate: float = 2e-4
    """Adam's learning rate, for both networks."""

    lr_final_ratio: float = 1.0
    """Final learning rate over the first; `schedule` sets how it falls."""

    schedule: Literal["cosine", "geometric"] = "cosine"
    """How learning rate and penalty weight fall: half a `cosine`, or half one of their logarithms (`geometric`)."""

    warmup_fraction: float = 0.0
    """Fraction of the steps over which the learning rate rises from zero."""

    beta1: float = 0.9
    """Adam's beta1."""

    beta2: float = 0.999
    """Adam's beta2."""

    beta2_final: float | None = None
    """Final beta2, along half a cosine; constant by default."""

    ema_half_life: int | None = None
    """Half-life of the generator's weight average, in steps, at most a twentieth of the steps so far. Images are then
    sampled from the averaged weights."""

    frechet_steps: int | None = None
    """Last steps in which the generator also matches features of the training images (Frechet loss); none by
    default."""

    frechet_learning_rate: float = 1e-4
    """Adam's learning rate for the Frechet loss; it falls to zero."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """`bfloat16` trains under bfloat16 autocast; use float32 on CPUs without bfloat16 arithmetic."""

    monitor_samples: int | None = 2000
    """Images compared with as many training images after epochs 1, 2, 5, 10, 20, 50, ...; rough, and never reported."""

    keep: Literal["last", "best"] = "last"
    """Generator at the end: `last`, or `best`, that of the epoch with the lowest monitored distance, for which every
    epoch is monitored."""

    save_interval: int = 500
    """Steps between two saved grids of images."""

    log_interval: int = 100
    """Steps averaged into one record."""

    seed: int = 0
    """Seed of weights, noise and order."""

    def __post_init__(self) -> None:
        read_code(self)
        validate_types(self)
        require_ranges(self, RANGES)
        require_field(self, "data", self.data.isprintable(), "must be printable text")
        can_keep = self.keep == "last" or self.monitor_samples is not None
        require_field(self, "keep", can_keep, "is chosen by the monitor; set monitor_samples")
        can_be_linear = self.generator_output == "tanh" or self.architecture == "residual"
        require_field(self, "generator_output", can_be_linear, "needs architecture='residual'")
        has_gain = self.output_gain == 1 or self.generator_output == "linear"
        require_field(self, "output_gain", has_gain, "needs generator_output='linear'")
        compatible = not (self.conditional and self.data == "stacked")
        require_field(self, "conditional", compatible, "is incompatible with data='stacked'")

    @property
    def channels(self) -> int:
        """Channels of an image."""
        return 3 if self.data == "stacked" else 1


def build_networks(config: GanConfig, num_classes: int | None = None) -> Networks:
    """Untrained generator and discriminator; the seed determines the weights.

    A class-conditional generator holds the buffer `class_frequencies`, the class distribution of the training images.

    Args:
        config: the experiment.
        num_classes: classes of the data, for class-conditional networks; counted in the data by default.

    Raises:
        ConfigError: the networks are to be class-conditional, but the data has no classes, or the architecture is a
            user's, and does not fit.
        DataError: the data is missing or damaged.
        RunError: the architecture was read from a run, and nobody has trusted its code.
    """
    classes = require_classes(config, num_classes)
    torch.manual_seed(config.seed)
    build = load_architecture(config.architecture)
    networks = build(config.latent_dim, config.batchnorm_eps, config.channels, classes)
    if config.generator_output == "linear":
        assert isinstance(networks.generator, ResidualGenerator)  # checked by the config
        networks.generator.unbound()
    if classes:
        networks.generator.register_buffer("class_frequencies", torch.full((classes,), 1 / classes))
    return networks


def require_classes(config: GanConfig, num_classes: int | None = None) -> int:
    """Number of classes K of class-conditional networks, counted in the data unless it is given; 0 if unconditional.

    Raises:
        ConfigError: the networks are to be class-conditional, but the data has no classes.
        DataError: the data is missing or damaged.
    """
    if not config.conditional:
        return 0
    classes = count_classes(config.data) if num_classes is None else num_classes
    rule = f"needs classes, but the images of {config.data} have none; put them into one subfolder for each class"
    require_field(config, "conditional", classes > 0, rule)
    return classes


def count_generator_classes(generator: nn.Module) -> int:
    """Number of classes K that a generator is conditioned on; 0 if it is unconditional."""
    return len(getattr(generator, "class_frequencies", ()))
