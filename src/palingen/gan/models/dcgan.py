"""DCGAN for 28 x 28 images (Radford et al. 2016)."""

from torch import nn

from palingen.gan.models.init import LEAKY_SLOPE, dcgan_init


class ConvGenerator(nn.Sequential):
    """Generator: a linear layer to 7 x 7, transposed convolutions to 14 x 14 and 28 x 28."""

    def __init__(self, in_features: int, batchnorm_eps: float, channels: int) -> None:
        super().__init__(
            nn.Linear(in_features, 128 * 7 * 7),
            nn.Unflatten(1, (128, 7, 7)),
            nn.BatchNorm2d(128, eps=batchnorm_eps),
            nn.ReLU(),
            nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1),
            nn.BatchNorm2d(64, eps=batchnorm_eps),
            nn.ReLU(),
            nn.ConvTranspose2d(64, channels, 4, stride=2, padding=1),
            nn.Tanh(),
        )
        self.apply(dcgan_init)


class ConvDiscriminator(nn.Sequential):
    """Discriminator: strided convolutions to 14 x 14 and 7 x 7, a linear layer; no BatchNorm."""

    def __init__(self, channels: int, num_classes: int) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(channels, 64, 4, stride=2, padding=1),
            nn.LeakyReLU(LEAKY_SLOPE),
            nn.Conv2d(64, 128, 4, stride=2, padding=1),
            nn.LeakyReLU(LEAKY_SLOPE),
            nn.Flatten(),
            nn.Linear(128 * 7 * 7, max(num_classes, 1)),
        ]
        super().__init__(*layers, *([] if num_classes else [nn.Flatten(0)]))
        self.apply(dcgan_init)
