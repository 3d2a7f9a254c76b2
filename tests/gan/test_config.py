import math
from dataclasses import asdict, fields
from typing import get_args, get_type_hints

import pytest
import torch

from palingen.gan.config import GanConfig, build_networks
from palingen.gan.models import ARCHITECTURES
from palingen.gan.objectives.gradient_penalties import PENALTIES
from palingen.gan.objectives.losses import LOSSES
from palingen.runtime.errors import ConfigError


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("latent_dim", 0),
        ("latent_dim", 5.0),
        ("conditional", "yes"),
        ("batchnorm_eps", 0.0),
        ("discriminator_loss_weight", -1.0),
        ("penalty_weight", 0.0),
        ("penalty_weight_final_ratio", 1.5),
        ("batch_size", 1),
        ("epochs", 0),
        ("epochs", True),
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("lr_final_ratio", 0.0),
        ("warmup_fraction", 1.0),
        ("beta1", 1.0),
        ("beta2", -0.1),
        ("beta2_final", 1.0),
        ("ema_half_life", 0),
        ("monitor_samples", 50),
        ("monitor_samples", 0),
        ("save_interval", 0),
        ("log_interval", 0),
        ("seed", -1),
    ],
)
def test_an_invalid_value_is_refused_in_one_line_with_field_and_value(field, value):
    with pytest.raises(ConfigError, match=rf"^{field}={value!r}: must be") as refusal:
        GanConfig(**{field: value})
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [("architecture", "residuall"), ("loss", "hing"), ("penalty", "r3"), ("precision", "float8"), ("keep", "beast")],
)
def test_an_unknown_choice_is_refused_by_field_with_the_closest_one(field, value):
    with pytest.raises(ConfigError, match=rf"^{field}: unknown '{value}'; did you mean"):
        GanConfig(**{field: value})


def test_stacked_digits_cannot_be_conditional():
    with pytest.raises(ConfigError, match=r"^conditional=True: is incompatible with data='stacked'$"):
        GanConfig(conditional=True, data="stacked")


def test_the_best_generator_is_chosen_by_the_monitor_and_needs_one():
    with pytest.raises(ConfigError, match=r"^keep='best': is chosen by the monitor; set monitor_samples$"):
        GanConfig(keep="best", monitor_samples=None)


def test_none_switches_an_optional_setting_off():
    settings = dict.fromkeys(("penalty", "beta2_final", "ema_half_life", "monitor_samples"))
    assert settings.items() <= asdict(GanConfig(**settings)).items()


def test_registries_hold_exactly_the_choices_of_the_config():
    hints = get_type_hints(GanConfig)
    for name, registry in {"loss": LOSSES, "architecture": ARCHITECTURES, "penalty": PENALTIES}.items():
        choices, path, *none = get_args(hints[name])
        assert set(get_args(choices)) == set(registry)
        assert path is str  # a user's own
        assert none == ([type(None)] if name == "penalty" else [])


def test_how_a_run_is_computed_is_not_part_of_its_config():
    names = {field.name for field in fields(GanConfig)}
    assert not names & {"engine", "device", "devices", "threads", "jobs", "max_latent_norm"}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_seed_determines_the_weights(architecture):
    def weights(seed):
        networks = build_networks(GanConfig(architecture=architecture, seed=seed, latent_dim=8))
        return torch.cat([parameter.flatten() for network in networks for parameter in network.parameters()])

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))


def test_only_a_conditional_generator_has_class_frequencies_uniform_before_training():
    generator, _ = build_networks(GanConfig(conditional=True))
    torch.testing.assert_close(generator.class_frequencies, torch.full((10,), 0.1))
    assert not hasattr(build_networks(GanConfig())[0], "class_frequencies")


def test_stacked_digits_have_three_channels():
    generator, discriminator = build_networks(GanConfig(data="stacked", latent_dim=8))
    images = generator(torch.randn(2, 8))
    assert images.shape == (2, 3, 28, 28)
    assert discriminator(images).shape == (2,)


def test_only_the_residual_generator_can_do_without_tanh():
    with pytest.raises(ConfigError, match=r"generator_output='linear': needs architecture='residual'"):
        GanConfig(generator_output="linear")
    assert not build_networks(GanConfig(architecture="residual", generator_output="linear")).generator.is_bounded
    with pytest.raises(ConfigError, match=r"output_gain=1\.02: needs generator_output='linear'"):
        GanConfig(architecture="residual", output_gain=1.02)
