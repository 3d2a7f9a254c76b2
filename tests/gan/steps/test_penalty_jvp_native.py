import pytest
import torch
from torch.nn.utils.parametrizations import spectral_norm

from palingen.gan.models import Networks
from palingen.gan.models.residual import ResidualGenerator
from palingen.gan.steps import resolve_engine
from palingen.gan.steps.penalty_jvp_native import PenaltyJvpNativeStep
from palingen.gan.steps.protocol import StepInputs, StepSetup
from palingen.gan.steps.residual import library
from palingen.gan.steps.residual.library import unavailable_reason
from palingen.runtime.native.cpp_build import NoCompilerError

needs_native = pytest.mark.skipif(unavailable_reason() is not None, reason=f"native: {unavailable_reason()}")

BFLOAT16 = {"dtype": torch.float32, "precision": "bfloat16"}


SEEDS = 6
"""Batches over which errors are averaged: a number at the kink of a LeakyReLU falls on either side by chance."""


def more_images(make_inputs, num_classes, channels, seed):
    """Sixteen images, for the same reason."""
    batches = [make_inputs(num_classes, channels, torch.float32, seed=100 * seed + part) for part in range(4)]
    labels = torch.cat([batch.labels for batch in batches]) if num_classes else None
    return StepInputs(*(torch.cat([getattr(b, name) for b in batches]) for name in ("real", "latents")), labels)


def mean_errors(compute, engine, setup, batches, exact):
    """Norm of each gradient's error, the root of its mean square over the batches."""
    errors = {name: 0.0 for name in exact[0] if name.endswith("grad")}
    for inputs, expected in zip(batches, exact, strict=True):
        results = compute(engine, setup, inputs)
        assert results.keys() == expected.keys()
        for name in errors:
            assert results[name].dtype is torch.float32
            errors[name] += (results[name] - expected[name]).square().sum().item() / SEEDS
    return {name: error**0.5 for name, error in errors.items()}


@needs_native
@pytest.mark.parametrize(
    ("loss", "num_classes", "channels", "bounded"),
    [("relativistic", 0, 1, True), ("relativistic", 5, 1, False), ("hinge", 0, 3, True)],
)
def test_every_gradient_is_as_close_to_the_exact_one_as_that_of_penalty_jvp(
    make_setup, make_inputs, compute, loss, num_classes, channels, bounded
):
    arguments = "residual", loss, "r1-r2", num_classes, channels
    setup, exact_setup = make_setup(*arguments, **BFLOAT16), make_setup(*arguments, torch.float32)
    for networks in (setup.networks, exact_setup.networks):
        networks.generator.is_bounded = bounded
    batches = [more_images(make_inputs, num_classes, channels, seed) for seed in range(SEEDS)]
    exact = [compute("autograd", exact_setup, inputs) for inputs in batches]
    engines = "penalty-jvp", "penalty-jvp-native"
    reference, actual = (mean_errors(compute, engine, setup, batches, exact) for engine in engines)
    for name, error in actual.items():
        norm = (sum(results[name].square().sum().item() for results in exact) / SEEDS) ** 0.5
        assert error < 1.5 * reference[name] + 0.01 * norm + 1e-6, name
        assert error < 0.25 * norm + 1e-6, name


@needs_native
def test_auto_takes_it_for_the_residual_networks_in_bfloat16_alone(make_setup):
    assert resolve_engine("auto", make_setup("residual", penalty="r1-r2", **BFLOAT16)) == "penalty-jvp-native"
    assert resolve_engine("auto", make_setup("conv", penalty="r1-r2", **BFLOAT16)) == "penalty-jvp"
    assert resolve_engine("auto", make_setup("residual", penalty="r1-r2", dtype=torch.float32)) == "penalty-jvp"
    assert resolve_engine("auto", make_setup("residual", penalty="r1-r2")) == "penalty-jvp"
    assert resolve_engine("auto", make_setup("residual", **BFLOAT16)) == "autograd"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "needs a penalty"),
        ({"penalty": "wgan-gp"}, "needs a penalty"),
        ({"penalty": "r1", "architecture": "conv", **BFLOAT16}, "needs architecture='residual'"),
        ({"penalty": "r1", "architecture": "residual"}, "computes on a CPU, with weights in float32"),
        ({"penalty": "r1", "architecture": "residual", "dtype": torch.float32}, "needs precision='bfloat16'"),
    ],
)
def test_what_it_does_not_support_is_named(make_setup, settings, reason):
    assert PenaltyJvpNativeStep.unsupported_reason(make_setup(**settings)).startswith(reason)


def test_hooks_and_other_layers_are_refused(make_setup):
    changes = {
        lambda networks: spectral_norm(networks.discriminator.block.conv1): "other layers",
        lambda networks: setattr(networks.generator.stem[1], "negative_slope", 0.1): "other layers",
        lambda networks: setattr(networks.generator.stem[1], "inplace", True): None,
        lambda networks: networks.generator.block.register_forward_hook(lambda *values: None): "no hooks",
        lambda networks: networks.discriminator.fc.weight.register_hook(lambda gradient: 2 * gradient): "no hooks",
    }
    for change, reason in changes.items():
        setup = make_setup("residual", penalty="r1", **BFLOAT16)
        change(setup.networks)
        if reason:
            assert reason in str(PenaltyJvpNativeStep.unsupported_reason(setup))
        else:
            assert PenaltyJvpNativeStep.unsupported_reason(setup) == unavailable_reason()


def test_widths_that_do_not_fill_vectors_are_refused(make_setup):
    setup = make_setup("residual", penalty="r1", **BFLOAT16)
    networks = Networks(ResidualGenerator(6, 1, (8, 24, 16)), setup.networks.discriminator)
    narrow = StepSetup(networks, setup.loss, penalty=setup.penalty, precision="bfloat16")
    assert PenaltyJvpNativeStep.unsupported_reason(narrow) == "needs widths that are multiples of 16"


def test_without_the_arithmetic_or_a_compiler_and_with_amx_auto_takes_penalty_jvp(make_setup, monkeypatch):
    setup = make_setup("residual", penalty="r1", **BFLOAT16)

    def fail():
        raise NoCompilerError("no C++ compiler found")

    monkeypatch.setattr(library, "has_avx512_bf16", lambda: True)
    monkeypatch.setattr(library, "processor_features", lambda: {"AMX": True})
    assert "oneDNN" in PenaltyJvpNativeStep.unsupported_reason(setup)
    assert resolve_engine("auto", setup) == "penalty-jvp"
    monkeypatch.setattr(library, "processor_features", lambda: None)
    monkeypatch.setattr(library, "_library", fail)
    assert PenaltyJvpNativeStep.unsupported_reason(setup) == "no C++ compiler found"
    assert resolve_engine("auto", setup) == "penalty-jvp"
    monkeypatch.setattr(library, "has_avx512_bf16", lambda: False)
    assert PenaltyJvpNativeStep.unsupported_reason(setup) == "the processor has no AVX512-BF16"
    assert resolve_engine("auto", setup) == "penalty-jvp"
