"""GAN laboratory: a generator and a discriminator trained against each other on MNIST, and measured."""
