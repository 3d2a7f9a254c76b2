import copy

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from palingen.gan.models import mlp
from palingen.gan.objectives.losses import LOSSES
from palingen.gan.steps import resolve_engine
from palingen.gan.steps.autograd import AutogradStep
from palingen.gan.steps.manual import ManualStep, flatten_parameters


@pytest.mark.parametrize("loss", ["minimax", "relativistic"])
def test_float32_gradients_equal_those_of_autograd_up_to_rounding(make_setup, make_inputs, compute, loss):
    setup, inputs = make_setup(loss=loss, dtype=torch.float32), make_inputs(dtype=torch.float32)
    expected, actual = (compute(engine, setup, inputs) for engine in ("autograd", "manual"))
    for name, tensor in expected.items():
        torch.testing.assert_close(actual[name], tensor, rtol=1e-4, atol=1e-5, msg=lambda text, name=name: name + text)


def test_flattened_parameters_keep_their_values_and_follow_the_flat_parameter():
    torch.manual_seed(0)
    generator, _ = mlp(10, 1e-5)
    flattened = copy.deepcopy(generator)
    flat = flatten_parameters(flattened)
    latents = torch.randn(4, 10)
    assert torch.equal(flattened(latents), generator(latents))
    assert flat.numel() == sum(parameter.numel() for parameter in generator.parameters())
    with torch.no_grad():
        flat.zero_()
    assert not any(parameter.any() for parameter in flattened.parameters())


def test_gradients_of_the_flat_parameters_are_those_of_the_networks(make_setup, make_inputs):
    step = ManualStep(make_setup())
    step.compute_gradients(make_inputs())
    for (flat,), network in zip(step.parameters(), step.setup.networks, strict=True):
        expected = torch.cat([parameter.grad.flatten() for parameter in network.parameters()])
        assert expected.any()
        assert torch.equal(flat.grad, expected)


def test_five_steps_of_adam_on_the_flat_parameters_equal_five_on_the_separate_ones(make_setup, make_inputs):
    setup = make_setup()
    steps = AutogradStep(setup), ManualStep(copy.deepcopy(setup))
    optimizers = [[torch.optim.Adam(p, 2e-4, fused=True) for p in step.parameters()] for step in steps]
    for seed in range(5):
        for step, pair in zip(steps, optimizers, strict=True):
            step.compute_gradients(make_inputs(seed=seed))
            for optimizer in pair:
                optimizer.step()
    for separate, flat in zip(*(step.setup.networks for step in steps), strict=True):
        for name, tensor in separate.state_dict().items():
            torch.testing.assert_close(
                flat.state_dict()[name], tensor, rtol=1e-7, atol=1e-9, msg=lambda text, name=name: name + text
            )


def test_hooks_evaluation_mode_and_layers_without_what_the_gradients_rest_on_are_left_to_autograd(make_setup):
    def without_bias(networks):
        networks.generator[0].bias = None

    def without_statistics(networks):
        networks.generator[3] = nn.BatchNorm1d(256, track_running_stats=False).double()

    def with_mean_statistics(networks):
        networks.generator[3].momentum = None

    def with_hook(networks):
        networks.discriminator.register_forward_pre_hook(lambda module, inputs: None)

    changes = {
        without_bias: "other layers",
        without_statistics: "other layers",
        with_mean_statistics: "other layers",
        lambda networks: spectral_norm(networks.discriminator[1]): "other layers",
        lambda networks: torch.nn.utils.spectral_norm(networks.discriminator[1]): "no hooks",
        with_hook: "no hooks",
        lambda networks: networks.generator[3].eval(): "training mode only",
    }
    for change, reason in changes.items():
        setup = make_setup()
        change(setup.networks)
        assert reason in str(ManualStep.unsupported_reason(setup))
        assert resolve_engine("auto", setup) == "autograd"


def test_every_loss_is_supported(make_setup):
    assert {ManualStep.unsupported_reason(make_setup(loss=loss)) for loss in LOSSES} == {None}
