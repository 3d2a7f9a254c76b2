"""Cross-entropy in which a real image counts as real with 90 % (one-sided label smoothing, Salimans et al. 2016)."""

from torch.nn.functional import softplus

from palingen import AdversarialLoss


def discriminator(real, fake):
    return (0.9 * softplus(-real) + 0.1 * softplus(real)).mean() + softplus(fake).mean()


def generator(real, fake):
    return softplus(-fake).mean()


Smoothed = AdversarialLoss(generator, discriminator)
