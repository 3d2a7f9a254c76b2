from torch import nn

from palingen.gan.models import mlp


def linear_sizes(network):
    return [(layer.in_features, layer.out_features) for layer in network if isinstance(layer, nn.Linear)]


def num_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_generator_has_the_courses_layers():
    generator, _ = mlp(100, 1e-5)
    assert linear_sizes(generator) == [(100, 128), (128, 256), (256, 512), (512, 1024), (1024, 784)]
    assert [layer.num_features for layer in generator if isinstance(layer, nn.BatchNorm1d)] == [256, 512, 1024]
    assert num_parameters(generator) == 1_510_032


def test_the_discriminator_has_the_courses_layers():
    _, discriminator = mlp(100, 1e-5)
    assert linear_sizes(discriminator) == [(784, 512), (512, 256), (256, 1)]
    assert num_parameters(discriminator) == 533_505


def test_every_leaky_relu_has_the_courses_negative_slope():
    layers = [layer for network in mlp(100, 1e-5) for layer in network]
    assert [layer.negative_slope for layer in layers if isinstance(layer, nn.LeakyReLU)] == [0.2] * 6


def test_batchnorm_eps_reaches_every_batchnorm():
    generator, _ = mlp(10, 0.8)
    assert [layer.eps for layer in generator if isinstance(layer, nn.BatchNorm1d)] == [0.8] * 3
