"""Networks of users: tried on two images before anything else."""

import pytest
import torch
from user_parts import GAN, write_code

from palingen.gan.config import GanConfig, build_networks
from palingen.gan.memory_estimate import weight_bytes
from palingen.gan.steps import resolve_engine
from palingen.gan.train import train_gan
from palingen.gan.trainer import step_setup
from palingen.runtime.errors import ConfigError
from palingen.runtime.safetensors_io import load_weights

BAD = (
    GAN
    + """
import torch
from palingen import MlpDiscriminator, MlpGenerator

def normed(*sizes):
    generator, discriminator = pair(*sizes)
    return generator, nn.Sequential(nn.BatchNorm2d(1), *discriminator)

def flat(*sizes):
    generator, discriminator = pair(*sizes)
    return generator[:-1], discriminator

def columns(*sizes):
    generator, discriminator = pair(*sizes)
    return generator, discriminator[:-1]

def unused(*sizes):
    generator, discriminator = pair(*sizes)
    generator.register_parameter("spare", nn.Parameter(torch.zeros(2)))
    return generator, discriminator

def infinite(*sizes):
    generator, discriminator = pair(*sizes)
    nn.init.constant_(discriminator[1].bias, float("inf"))
    return generator, discriminator

def one(*sizes):
    return pair(*sizes)[0]

def few(latent_dim):
    return None

def relu(*sizes):
    generator = MlpGenerator(sizes[0], 1e-5)
    generator[1] = nn.ReLU()
    return generator, MlpDiscriminator()

def gelu(*sizes):
    generator = MlpGenerator(sizes[0], 1e-5)
    generator[1] = nn.GELU()
    return generator, MlpDiscriminator()

def masked(*sizes):
    generator, discriminator = pair(*sizes)
    generator.register_buffer("mask", torch.full((2,), float("-inf")))
    return generator, discriminator

def lazy(*sizes):
    generator, discriminator = pair(*sizes)
    return generator, nn.Sequential(nn.Flatten(), nn.LazyLinear(1), nn.Flatten(0))

def twice(*sizes):
    generator, discriminator = pair(*sizes)
    layer = nn.Linear(784, 784)
    return generator, nn.Sequential(nn.Flatten(), layer, layer, *discriminator[1:])

def conditional_only(latent_dim, batchnorm_eps, channels, num_classes):
    if not num_classes:
        raise ValueError("add --conditional")
    return pair(latent_dim, batchnorm_eps, channels, num_classes)

def needs_values(*sizes):
    rates = [rate.item() for rate in torch.linspace(0, 1, 3)]
    return pair(*sizes)
"""
)


def config(folder, name, **fields):
    return GanConfig(architecture=f"{write_code(folder, BAD)}:{name}", latent_dim=8, **fields)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("normed", "discriminator: layer '0' is BatchNorm2d, which mixes real and fake images"),
        ("flat", r"the generator gives images of shape \(2, 784\) for 2 images, must be \(2, 1, 28, 28\)"),
        ("columns", r"the discriminator gives logits of shape \(2, 1\) for 2 images, must be \(2,\)"),
        ("unused", "the generator's weight 'spare' has no influence on the logits"),
        ("infinite", "the discriminator gives logits with NaN or infinity"),
        ("masked", "the generator's 'mask' is no finite tensor, so that it cannot be saved"),
        ("lazy", "the discriminator has a lazy layer, whose size must be given"),
        ("one", r"returns Sequential, must return Networks\(generator, discriminator\)"),
        ("few", r"few\(\) takes 1 positional argument but 4 were given"),
        ("Loss", "is of type AdversarialLoss, must be a function"),
        ("colums", "unknown 'colums'; did you mean 'columns'"),
    ],
)
def test_networks_that_do_not_fit_are_refused_in_one_line(tmp_path, name, problem):
    with pytest.raises(ConfigError, match=rf"^architecture='.*mine\.py:{name}': .*{problem}"):
        build_networks(config(tmp_path, name))


@pytest.mark.parametrize(
    ("conditional", "data", "classes"), [(False, "mnist", 0), (True, "mnist", 10), (False, "stacked", 0)]
)
def test_networks_of_a_user_have_the_sizes_of_the_config_and_weights_of_its_seed(tmp_path, conditional, data, classes):
    ours = config(tmp_path, "pair", conditional=conditional, data=data)
    torch.manual_seed(5)
    first, again = build_networks(ours), build_networks(ours)
    assert all(map(torch.equal, first.generator.state_dict().values(), again.generator.state_dict().values()))
    images = first.generator(torch.randn(3, 8 + classes))
    assert images.shape == (3, ours.channels, 28, 28)
    assert first.discriminator(images).shape == ((3, 10) if classes else (3,))


@pytest.mark.parametrize(("name", "expected"), [("pair", "native"), ("relu", "native"), ("gelu", "autograd")])
def test_auto_takes_the_native_step_for_the_layers_that_it_knows(tmp_path, name, expected):
    ours = config(tmp_path, name)
    assert resolve_engine("auto", step_setup(ours, build_networks(ours))) == expected


@pytest.mark.parametrize("name", ["pair", "needs_values"])
def test_the_weights_of_a_users_networks_are_counted(tmp_path, name):
    assert weight_bytes(config(tmp_path, name)) == 4 * (9 * 784 + 785)


def test_networks_for_classes_alone_are_counted_with_classes(tmp_path):
    assert weight_bytes(config(tmp_path, "conditional_only", conditional=True)) == 4 * (19 * 784 + 7850)
    with pytest.raises(ConfigError, match="add --conditional"):
        weight_bytes(config(tmp_path, "conditional_only"))


def test_a_layer_that_is_used_twice_is_trained_and_saved(tmp_path, few_digits):
    ours = config(tmp_path, "twice", data=str(few_digits), epochs=1, batch_size=50, monitor_samples=None)
    train_gan(ours, tmp_path / "run")
    weights = load_weights(tmp_path / "run" / "weights.safetensors")
    assert torch.equal(weights["discriminator.1.weight"], weights["discriminator.2.weight"])
