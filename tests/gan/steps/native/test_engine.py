"""The C++ step against autograd in float64. The step has float32 alone, in which autograd too may take another side of
a kink than it should.
"""

import copy
from itertools import pairwise

import pytest
import torch
from torch import nn

from palingen.gan.models import Networks
from palingen.gan.objectives.losses import LOSSES, AdversarialLoss
from palingen.gan.steps import resolve_engine
from palingen.gan.steps.autograd import AutogradStep
from palingen.gan.steps.native import NativeStep, engine
from palingen.gan.steps.native.arguments import LOSS_NUMBERS
from palingen.gan.steps.native.layers import Activation
from palingen.gan.steps.protocol import StepInputs, StepSetup
from palingen.runtime.native import cpp_build
from palingen.runtime.notices import print_once
from palingen.runtime.processor import has_avx512_bf16

ROUNDING = ("2.bias", "5.bias", "8.bias", "3.running_mean", "6.running_mean", "9.running_mean")
"""Biases that BatchNorm takes away, so that their gradient is rounding, which Adam normalises, and means with them."""


@pytest.fixture
def make_float32(make_setup):
    def make(**settings):
        return make_setup(dtype=torch.float32, **settings)

    return make


def images(count, channels=1, seed=1):
    random = torch.Generator().manual_seed(seed)
    real = torch.rand(count, channels, 28, 28, generator=random) * 2 - 1
    return StepInputs(real, torch.randn(count, 6, generator=random))


@pytest.fixture
def check(compute):
    """Function that compares metrics, gradients and buffers of the native engine with those of autograd in float64."""

    def compare(setup, inputs):
        actual = compute("native", setup, inputs)
        setup = copy.deepcopy(setup)
        for network in setup.networks:
            network.double()
        expected = compute("autograd", setup, StepInputs(inputs.real.double(), inputs.latents.double()))
        assert actual.keys() == expected.keys()
        for name, tensor in expected.items():
            torch.testing.assert_close(
                actual[name].double(), tensor.double(), rtol=1e-4, atol=1e-5, msg=lambda text, name=name: name + text
            )

    return compare


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_statistics_and_metrics_of_every_loss_equal_those_of_autograd(make_float32, check, loss):
    check(make_float32(loss=loss), images(5))


@pytest.mark.parametrize(("count", "channels"), [(4, 1), (16, 3), (37, 1), (70, 1)])
def test_batches_of_any_size_and_colour_images_are_supported(make_float32, check, count, channels):
    check(make_float32(channels=channels), images(count, channels))


def test_the_loss_of_a_user_is_differentiated_by_autograd(make_float32, check):
    loss = AdversarialLoss(lambda real, fake: (fake - 2).square().mean(), lambda real, fake: (real * fake).mean())
    check(StepSetup(make_float32().networks, loss, 0.5), images(5))


def test_other_activations_and_sizes_that_fill_no_vector_are_supported(check):
    torch.manual_seed(0)
    generator = nn.Sequential(
        nn.Linear(6, 9), nn.BatchNorm1d(9, momentum=0.3), nn.Sigmoid(), nn.Linear(9, 21), nn.ReLU(),
        nn.Linear(21, 784), nn.BatchNorm1d(784), nn.Unflatten(1, (1, 28, 28)),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 7), nn.Tanh(), nn.Linear(7, 5), nn.Linear(5, 1), nn.Flatten(0)
    )
    setup = StepSetup(Networks(generator, discriminator), LOSSES["relativistic"])
    assert NativeStep.unsupported_reason(setup) is None
    check(setup, images(5))


def adam(step):
    return [torch.optim.Adam(parameters, 2e-3, (0.5, 0.99), fused=True) for parameters in step.parameters()]


def test_the_update_of_three_steps_is_that_of_torchs_adam_on_the_same_gradients(make_float32):
    one, other = NativeStep(make_float32()), NativeStep(make_float32())
    adams = adam(one), adam(other)
    for seed in range(3):
        inputs = images(9 if seed == 1 else 20, seed=seed)
        metrics = one.update(inputs, 0.0, adams[0])
        expected = other.compute_gradients(inputs)
        for optimizer in adams[1]:
            optimizer.step()
        torch.testing.assert_close(torch.stack(metrics), torch.stack(expected))
    for pairs in zip(*(step.setup.networks for step in (one, other)), strict=True):
        states = [network.state_dict() for network in pairs]
        for name, tensor in states[1].items():
            if name not in ROUNDING:
                assert (states[0][name] - tensor).abs().float().mean() < 2e-6, name
    for optimizers in zip(*adams, strict=True):
        states = [next(iter(optimizer.state.values())) for optimizer in optimizers]
        assert states[0].keys() == states[1].keys()
        assert [state["step"].item() for state in states] == [3, 3]
        for name in ("exp_avg", "exp_avg_sq"):
            torch.testing.assert_close(states[0][name], states[1][name], rtol=1e-3, atol=1e-7)


def test_three_steps_learn_what_autograd_learns(make_float32):
    setup = make_float32()
    native, autograd = NativeStep(copy.deepcopy(setup)), AutogradStep(setup)
    adams = adam(native), adam(autograd)
    for seed in range(3):
        inputs = images(20, seed=seed)
        metrics = native.update(inputs, 0.0, adams[0])
        expected = autograd.compute_gradients(inputs)
        for optimizer in adams[1]:
            optimizer.step()
        torch.testing.assert_close(metrics.generator_loss, expected.generator_loss.detach(), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(
            metrics.discriminator_loss, expected.discriminator_loss.detach(), rtol=1e-4, atol=1e-5
        )


def test_results_depend_on_the_number_of_threads_up_to_rounding(make_float32, compute):
    results = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        results.append(compute("native", make_float32(), images(20)))
    for name, tensor in results[0].items():  # tiles of other sizes add in another order
        torch.testing.assert_close(
            results[1][name], tensor, rtol=1e-4, atol=1e-6, msg=lambda text, name=name: name + text
        )


@pytest.mark.skipif(not has_avx512_bf16(), reason="needs AVX512-BF16")
@pytest.mark.parametrize("count", [5, 37])
def test_bfloat16_rounds_the_factors_of_products_alone(make_float32, compute, count):
    inputs = images(count)
    exact = compute("autograd", make_float32(), inputs)
    rounded = compute("native", make_float32(precision="bfloat16"), inputs)
    for role in ("generator", "discriminator"):
        torch.testing.assert_close(rounded[f"{role}_loss"], exact[f"{role}_loss"], rtol=2**-8, atol=0)
        expected, actual = (
            torch.cat(
                [tensor.flatten() for name, tensor in results.items() if name.startswith(role) and "grad" in name]
            )
            for results in (exact, rounded)
        )
        assert 1e-4 < (actual - expected).norm() / expected.norm() < 0.3  # BatchNorm over few images enlarges it
        assert torch.cosine_similarity(actual, expected, dim=0) > 0.95


def sequential_setup(*discriminator):
    generator = nn.Sequential(nn.Linear(6, 784), nn.Unflatten(1, (1, 28, 28)))
    return StepSetup(Networks(generator, nn.Sequential(nn.Flatten(), *discriminator)), LOSSES["hinge"])


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        ((nn.Linear(784, 1, bias=False), nn.Flatten(0)), "needs a linear layer with bias in place of Linear"),
        ((nn.Linear(784, 4), nn.GELU(), nn.Linear(4, 1), nn.Flatten(0)), "does not support the layer GELU"),
        (
            (nn.Linear(784, 4), nn.LeakyReLU(-1.0), nn.Linear(4, 1), nn.Flatten(0)),
            "does not support the layer LeakyReLU",
        ),
        ((nn.Linear(784, 4), nn.Tanh(), nn.Dropout(), nn.Linear(4, 1), nn.Flatten(0)), "in place of Dropout"),
        (
            (
                *(nn.Linear(784, 448), nn.LeakyReLU(0.2), nn.Unflatten(1, (28, 16)), nn.Linear(16, 8)),
                *(nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(224, 1), nn.Flatten(0)),
            ),
            "needs layers that each take all features of an image",
        ),
        ((nn.Linear(784, 10),), "needs conditional=False"),
        ((nn.Linear(784, 1), nn.Flatten(0)), None),
    ],
)
def test_layers_that_it_does_not_know_are_refused_by_name(layers, reason):
    actual = NativeStep.unsupported_reason(sequential_setup(*layers))
    assert actual is None if reason is None else reason in actual


def test_batchnorm_over_a_part_of_the_features_is_refused():
    setup = sequential_setup(nn.Linear(784, 1), nn.Flatten(0))
    rows = nn.Unflatten(1, (28, 28)), nn.BatchNorm1d(28), nn.Tanh(), nn.Unflatten(1, (1, 28))
    setup = StepSetup(Networks(nn.Sequential(nn.Linear(6, 784), *rows), setup.networks.discriminator), setup.loss)
    assert NativeStep.unsupported_reason(setup) == "needs layers that each take all features of an image"


def test_hooks_evaluation_mode_and_shared_layers_are_refused():
    hooked, evaluated = (sequential_setup(nn.Linear(784, 1), nn.Flatten(0)) for _ in range(2))
    hooked.networks.discriminator[1].register_forward_hook(lambda *values: None)
    evaluated.networks.generator.eval()
    layer = nn.Linear(784, 784)
    shared = sequential_setup(layer, nn.ReLU(), layer, nn.Linear(784, 1), nn.Flatten(0))
    first, second = nn.Linear(784, 784), nn.Linear(784, 784)
    second.weight = first.weight
    tied = sequential_setup(first, nn.ReLU(), second, nn.Linear(784, 1), nn.Flatten(0))
    backward, parameter = (sequential_setup(nn.Linear(784, 1), nn.Flatten(0)) for _ in range(2))
    backward.networks.discriminator[1].register_full_backward_hook(lambda *values: None)
    parameter.networks.discriminator[1].weight.register_hook(lambda gradient: 2 * gradient)
    for setup in (hooked, backward, parameter):
        assert "no hooks" in NativeStep.unsupported_reason(setup)
    for setup, reason in ((evaluated, "training mode"), (shared, "used twice"), (tied, "used twice")):
        assert reason in NativeStep.unsupported_reason(setup)


def test_a_layer_of_a_class_of_ones_own_is_refused():
    class Doubled(nn.LeakyReLU):
        def forward(self, input):  # noqa: A002
            return 2 * super().forward(input)

    setup = sequential_setup(nn.Linear(784, 4), Doubled(), nn.Linear(4, 1), nn.Flatten(0))
    assert "does not support the layer Doubled" in NativeStep.unsupported_reason(setup)


def test_without_a_compiler_auto_takes_the_manual_step_and_says_so_once(make_float32, monkeypatch, capsys):
    def refuse(precision):
        raise cpp_build.NoCompilerError("no C++ compiler found")

    for function in (engine._unavailable_reason, print_once):
        function.cache_clear()
    monkeypatch.setattr(engine, "load_step", refuse)
    assert [resolve_engine("auto", make_float32()) for _ in range(2)] == ["manual", "manual"]
    engine._unavailable_reason.cache_clear()
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "gan: the native engine cannot run here, so the training is slower (no C++ compiler found)"


def test_auto_is_native_in_float32_on_a_cpu(make_float32):
    assert resolve_engine("auto", make_float32()) == "native"
    assert resolve_engine("auto", make_float32(penalty="r1")) == "penalty-jvp"
    assert resolve_engine("auto", make_float32(num_classes=5)) == "autograd"


def test_losses_and_activations_have_the_numbers_of_the_headers():
    folder = cpp_build.Path(engine.__file__).parent
    names = [name.upper().replace("-", "_") for name in LOSS_NUMBERS]
    assert f"enum Loss : long {{ {', '.join(names)} }};" in (folder / "losses.h").read_text()
    assert all(after == before + 1 for before, after in pairwise(LOSS_NUMBERS.values()))
    activations = ", ".join(activation.name for activation in Activation)
    assert f"enum Activation : long {{ {activations} }};" in (folder / "arguments.h").read_text()
    assert {*LOSS_NUMBERS} <= {*LOSSES}
