import itertools
from typing import get_args

import pytest
import torch
from torch import nn
from torch.nn.functional import leaky_relu

from palingen.gan.models import ARCHITECTURES, Networks
from palingen.gan.objectives.gradient_penalties import PENALTIES
from palingen.gan.objectives.losses import LOSSES
from palingen.gan.steps import STEPS, EngineName, resolve_engine
from palingen.gan.steps.protocol import StepSetup
from palingen.gan.steps.residual import library
from palingen.runtime.errors import ConfigError

IMAGE_PENALTIES = sorted(name for name, penalty in PENALTIES.items() if not penalty.interpolated)


def penalty_case(architecture, loss, penalty, num_classes):
    """Setup of the engine penalty-jvp; those that repeat a loss or a penalty in another combination are torture."""
    is_new = loss == "relativistic" or (penalty, num_classes) == ("r1-r2", 0)
    marks = () if is_new else pytest.mark.torture
    return pytest.param("penalty-jvp", architecture, loss, penalty, num_classes, 1, marks=marks)


SUPPORTED = [
    *(("manual", "mlp", loss, None, 0, channels) for loss in LOSSES for channels in (1, 3)),
    *itertools.starmap(penalty_case, itertools.product(ARCHITECTURES, LOSSES, IMAGE_PENALTIES, (0, 5))),
    *(("penalty-jvp", architecture, "relativistic", "r1-r2", 0, 3) for architecture in ARCHITECTURES),
]
"""Engine, architecture, loss, penalty, classes and channels of every supported setup but those of autograd."""


class Curved(nn.Module):
    """Discriminator that is not piecewise linear."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(784, 1)

    def forward(self, images):
        return self.head(torch.sigmoid(images.flatten(1))).flatten()


class RowByRow(nn.Module):
    """Discriminator with a linear layer that takes every row of pixels by itself."""

    def __init__(self):
        super().__init__()
        self.rows, self.head = nn.Linear(28, 4), nn.Linear(28 * 4, 1)

    def forward(self, images):
        return self.head(leaky_relu(self.rows(images.flatten(1, 2))).flatten(1)).flatten()


def with_discriminator(setup, discriminator):
    return StepSetup(Networks(setup.networks.generator, discriminator), setup.loss, penalty=setup.penalty)


@pytest.mark.parametrize(("engine", "architecture", "loss", "penalty", "num_classes", "channels"), SUPPORTED)
def test_every_engine_equals_autograd_in_float64(
    make_setup, make_inputs, compute, engine, architecture, loss, penalty, num_classes, channels
):
    setup = make_setup(architecture, loss, penalty, num_classes, channels)
    inputs = make_inputs(num_classes, channels)
    expected, actual = (compute(name, setup, inputs) for name in ("autograd", engine))
    assert actual.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(actual[name], tensor, rtol=1e-7, atol=1e-10, msg=lambda text, name=name: name + text)


def flat_gradients(results, role):
    return torch.cat([t.flatten() for name, t in results.items() if name.startswith(role) and name.endswith("grad")])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("penalty", [None, "r1-r2", "wgan-gp"])
def test_bfloat16_gradients_are_float32_and_no_engine_rounds_them_more_than_autograd(
    make_setup, make_inputs, compute, monkeypatch, architecture, penalty
):
    monkeypatch.setattr(library, "has_avx512_bf16", lambda: False)  # penalty-jvp-native has a test with more images
    setups = {
        precision: make_setup(architecture, "relativistic", penalty, dtype=torch.float32, precision=precision)
        for precision in ("float32", "bfloat16")
    }
    inputs = make_inputs(dtype=torch.float32)
    exact, reference = (compute("autograd", setups[precision], inputs) for precision in ("float32", "bfloat16"))
    rounded = compute(resolve_engine("auto", setups["bfloat16"]), setups["bfloat16"], inputs)
    for name in ("generator_loss", "discriminator_loss"):
        torch.testing.assert_close(rounded[name], exact[name], rtol=2**-8, atol=0)  # bfloat16 has eight digits
    for role in ("generator", "discriminator"):
        expected, by_autograd, actual = (flat_gradients(results, role) for results in (exact, reference, rounded))
        assert actual.dtype is torch.float32
        assert (actual - expected).norm() < 1.1 * (by_autograd - expected).norm()
        # BatchNorm over four images divides small differences by their own size: 0.958 for mlp, above 0.99 elsewhere
        assert torch.cosine_similarity(actual, expected, dim=0) > 0.95


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("penalty", [None, *PENALTIES])
@pytest.mark.parametrize("num_classes", [0, 5])
def test_auto_is_manual_then_penalty_jvp_then_autograd_in_float64(make_setup, architecture, penalty, num_classes):
    if architecture == "mlp" and penalty is None and not num_classes:
        expected = "manual"
    else:
        expected = "penalty-jvp" if penalty in IMAGE_PENALTIES else "autograd"
    assert resolve_engine("auto", make_setup(architecture, "hinge", penalty, num_classes)) == expected


@pytest.mark.parametrize(("network", "reason"), [(Curved, "sigmoid"), (RowByRow, "a linear layer on 3 axes")])
def test_a_discriminator_that_penalty_jvp_does_not_support_is_left_to_autograd(make_setup, network, reason):
    setup = with_discriminator(make_setup("mlp", penalty="r1"), network().double())
    assert resolve_engine("auto", setup) == "autograd"
    with pytest.raises(ConfigError, match=rf"engine='penalty-jvp': needs a piecewise-linear discriminator.*{reason}"):
        resolve_engine("penalty-jvp", setup)


@pytest.mark.parametrize(
    ("engine", "settings", "reason"),
    [
        ("manual", {"architecture": "conv"}, "needs architecture='mlp'"),
        ("manual", {"architecture": "residual"}, "needs architecture='mlp'"),
        ("manual", {"penalty": "r1"}, "supports no gradient penalty"),
        ("manual", {"num_classes": 5}, "needs conditional=False"),
        ("penalty-jvp", {}, "needs a penalty at the images themselves"),
        ("penalty-jvp-native", {"penalty": "r1"}, "needs architecture='residual'"),
        ("penalty-jvp", {"penalty": "wgan-gp"}, "needs a penalty at the images themselves"),
    ],
)
def test_an_engine_that_does_not_support_the_setup_is_refused_in_one_line_with_the_reason(
    make_setup, engine, settings, reason
):
    with pytest.raises(ConfigError, match=f"^engine='{engine}': {reason}.*; choose engine='auto'$") as refusal:
        resolve_engine(engine, make_setup(**settings))
    assert "\n" not in str(refusal.value)


def test_an_unknown_engine_is_refused_with_the_closest_name(make_setup):
    with pytest.raises(ConfigError, match=r"engine: unknown 'manuel'; did you mean 'manual'?"):
        resolve_engine("manuel", make_setup())


@pytest.mark.parametrize("engine", get_args(EngineName))
def test_batchnorm_in_the_discriminator_is_refused_by_the_name_of_its_layer(make_setup, engine):
    discriminator = nn.Sequential(nn.Flatten(), nn.Linear(784, 4), nn.BatchNorm1d(4), nn.Linear(4, 1), nn.Flatten(0))
    setup = with_discriminator(make_setup(penalty="r1"), discriminator.double())
    with pytest.raises(ConfigError, match="discriminator: layer '2' is BatchNorm1d, which mixes") as refusal:
        resolve_engine(engine, setup)
    assert "\n" not in str(refusal.value)


def test_engine_names_are_those_of_the_registry():
    assert set(get_args(EngineName)) == {"auto", *STEPS}
