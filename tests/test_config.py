import dataclasses
import math

import pytest

from palingen import recipes
from palingen.adversarial.experiment import GanRun
from palingen.adversarial.judge import JudgeRun
from palingen.config import unknown
from palingen.errors import ConfigError
from palingen.recurrence.experiment import PalindromeRun
from palingen.runs import config_hash


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (PalindromeRun, "length", 1),
        (PalindromeRun, "length", 5.0),
        (PalindromeRun, "cell", "lstn"),
        (PalindromeRun, "portion", 1.0),
        (PalindromeRun, "samples", 1),
        (PalindromeRun, "learning_rate", -1.0),
        (PalindromeRun, "learning_rate", math.nan),
        (PalindromeRun, "max_norm", 0.0),
        (PalindromeRun, "alpha", 1.0),
        (PalindromeRun, "epochs", 0),
        (PalindromeRun, "epochs", True),
        (PalindromeRun, "seed", -1),
        (GanRun, "loss", "hope"),
        (GanRun, "batch_size", 1),
        (GanRun, "latent_dim", 0),
        (GanRun, "beta1", 1.0),
        (GanRun, "beta2_end", 1.0),
        (GanRun, "gamma", 0.0),
        (GanRun, "warm_up", 1.0),
        (GanRun, "gamma_decay", 1.5),
        (GanRun, "learning_rate_decay", 0.0),
        (GanRun, "penalty", "r3"),
        (GanRun, "average_steps", -1),
        (GanRun, "precision", "float8"),
        (GanRun, "conditional", "yes"),
        (GanRun, "watch_samples", 50),
        (GanRun, "batchnorm_eps", 0.0),
        (JudgeRun, "shift", 5),
        (JudgeRun, "epochs", 0),
    ],
)
def test_a_wrong_value_is_refused_by_field_and_value(kind, field, value):
    with pytest.raises(ConfigError, match=field) as refusal:
        kind(**{field: value})
    assert repr(value) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_split_that_leaves_one_side_empty_is_refused():
    with pytest.raises(ConfigError, match="portion"):
        PalindromeRun(samples=10, portion=0.01)


@pytest.mark.parametrize(
    "settings",
    [
        {"engine": "by-hand", "pair": "residual"},
        {"engine": "by-hand", "penalty": "r1"},
        {"engine": "by-hand", "conditional": True},
        {"conditional": True, "data": "stacked"},
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        GanRun(**settings)


def test_an_unknown_name_gets_the_nearest_known_one():
    assert "did you mean 'course'?" in unknown("corse", ["course", "demo"])
    assert "did you mean" not in unknown("xyz", ["course", "demo"])


def test_the_courses_defaults_stand():
    assert dataclasses.asdict(recipes.PALINDROME["course"]) == {
        "cell": "lstm",
        "length": 5,
        "encoding": "scalar",
        "hidden": 128,
        "samples": 10_000,
        "portion": 0.8,
        "batch_size": 128,
        "epochs": 100,
        "optimizer": "rmsprop",
        "learning_rate": 1e-3,
        "alpha": 0.99,
        "schedule": "step",
        "decay_every": 100,
        "decay": 0.1,
        "warmup": 0,
        "max_norm": 10.0,
        "chrono": False,
        "forget_bias": 0.0,
        "orthogonal": False,
        "learn_state": False,
        "stream": False,
        "curriculum": 0.0,
        "first_length": 8,
        "growth": 1.5,
        "length_decay": 0.0,
        "stop_at": 0.0,
        "seed": 0,
    }
    assert dataclasses.asdict(recipes.GAN["course"]) == {
        "pair": "mlp",
        "conditional": False,
        "loss": "non-saturating",
        "penalty": "none",
        "gamma": 1.0,
        "gamma_decay": 1.0,
        "data": "mnist",
        "latent_dim": 100,
        "truncation": 0.0,
        "batch_size": 64,
        "epochs": 200,
        "learning_rate": 2e-4,
        "learning_rate_decay": 1.0,
        "warm_up": 0.0,
        "beta1": 0.9,
        "beta2": 0.999,
        "beta2_end": 0.0,
        "batchnorm_eps": 1e-5,
        "discriminator_scale": 1.0,
        "average_steps": 0,
        "precision": "float32",
        "engine": "autograd",
        "watch_samples": 2000,
        "save_interval": 500,
        "record_interval": 100,
        "seed": 0,
    }


def test_the_public_script_differs_from_the_course_in_three_values():
    course, script = (dataclasses.asdict(recipes.GAN[name]) for name in ("course", "public-script"))
    differing = {field: script[field] for field in course if course[field] != script[field]}
    assert differing == {"beta1": 0.5, "batchnorm_eps": 0.8, "discriminator_scale": 0.5}


def test_equal_configs_have_equal_names_and_others_have_others():
    assert config_hash(PalindromeRun()) == config_hash(PalindromeRun())
    assert config_hash(PalindromeRun()) != config_hash(PalindromeRun(seed=1))
