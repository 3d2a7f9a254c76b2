"""The course's fully connected generator and discriminator."""

from torch import nn

from palingen.gan.data.mnist import IMAGE_SIZE
from palingen.gan.models.init import LEAKY_SLOPE
from palingen.runtime.memory import Need, require_memory
from palingen.runtime.validation import Interval, require_integer

CHANNELS = Interval(minimum=1, maximum=100)

MAX_CLASSES = 10_000


class MlpGenerator(nn.Sequential):
    """Generator: Z-128-256-512-1024-784, BatchNorm from the second hidden layer on, tanh at the end.

    Latents [B, Z] to images [B, channels, 28, 28] in [-1, 1].
    """

    def __init__(self, latent_dim: int, batchnorm_eps: float, channels: int = 1) -> None:
        require_integer("latent_dim", latent_dim)
        require_integer("channels", channels, CHANNELS)
        require_memory("the generator", Need("the first layer", 4 * 128 * latent_dim, "latent_dim"))
        layers: list[nn.Module] = [nn.Linear(latent_dim, 128), nn.LeakyReLU(LEAKY_SLOPE)]
        for in_features, out_features in ((128, 256), (256, 512), (512, 1024)):
            layers += [
                nn.Linear(in_features, out_features),
                nn.BatchNorm1d(out_features, eps=batchnorm_eps),
                nn.LeakyReLU(LEAKY_SLOPE),
            ]
        layers += [
            nn.Linear(1024, channels * IMAGE_SIZE * IMAGE_SIZE),
            nn.Tanh(),
            nn.Unflatten(1, (channels, IMAGE_SIZE, IMAGE_SIZE)),
        ]
        super().__init__(*layers)


class MlpDiscriminator(nn.Sequential):
    """Discriminator: 784-512-256-1. The sigmoid is part of the loss.

    Images [B, channels, 28, 28] to logits [B], or [B, K] if class-conditional.
    """

    def __init__(self, channels: int = 1, num_classes: int = 0) -> None:
        require_integer("channels", channels, CHANNELS)
        require_integer("num_classes", num_classes, Interval(minimum=0, maximum=MAX_CLASSES))
        layers: list[nn.Module] = [
            nn.Flatten(),
            nn.Linear(channels * IMAGE_SIZE * IMAGE_SIZE, 512),
            nn.LeakyReLU(LEAKY_SLOPE),
            nn.Linear(512, 256),
            nn.LeakyReLU(LEAKY_SLOPE),
            nn.Linear(256, max(num_classes, 1)),
        ]
        super().__init__(*layers, *([] if num_classes else [nn.Flatten(0)]))
