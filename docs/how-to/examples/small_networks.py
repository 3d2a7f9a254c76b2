"""Fully connected networks with one hidden layer each."""

from torch import nn

from palingen import Networks


def small(latent_dim, batchnorm_eps, channels=1, num_classes=0):
    generator = nn.Sequential(
        nn.Linear(latent_dim + num_classes, 256),
        nn.LeakyReLU(0.2),
        nn.Linear(256, channels * 784),
        nn.Tanh(),
        nn.Unflatten(1, (channels, 28, 28)),
    )
    discriminator = nn.Sequential(
        nn.Flatten(),
        nn.Linear(channels * 784, 256),
        nn.LeakyReLU(0.2),
        nn.Linear(256, max(num_classes, 1)),
    )
    if num_classes == 0:
        discriminator.append(nn.Flatten(0))
    return Networks(generator, discriminator)
