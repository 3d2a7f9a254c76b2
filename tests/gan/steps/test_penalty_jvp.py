from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional

from palingen.gan.models import Networks
from palingen.gan.steps.penalty_jvp import PenaltyJvpStep


def test_the_weight_of_the_penalty_scales_its_gradient(make_setup, make_inputs, compute):
    setup, inputs = make_setup("residual", penalty="r1"), make_inputs()
    name = "discriminator.fc.weight.grad"
    zero, one, three = (compute("penalty-jvp", setup, inputs, weight)[name] for weight in (0.0, 1.0, 3.0))
    torch.testing.assert_close(three - zero, 3 * (one - zero))


def test_the_gradient_of_a_small_discriminator_is_that_of_the_written_out_objective(make_setup, make_inputs, compute):
    """Relativistic loss plus R1 and R2, with no code of the package."""
    setup, inputs = make_setup("mlp", "relativistic", "r1-r2"), make_inputs()
    actual = compute("penalty-jvp", setup, inputs, penalty_weight=0.5)

    generator, discriminator = setup.networks
    images = torch.cat([inputs.real, generator(inputs.latents).detach()]).requires_grad_()
    logits = discriminator(images)
    (gradients,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    squared_norms = gradients.square().flatten(1).sum(1)
    penalty = squared_norms[:4].mean() / 2 + squared_norms[4:].mean() / 2
    objective = 0.5 * functional.softplus(logits[4:] - logits[:4]).mean() + 0.5 * penalty
    names = [name for name, _ in discriminator.named_parameters()]
    for name, gradient in zip(names, torch.autograd.grad(objective, list(discriminator.parameters())), strict=True):
        torch.testing.assert_close(actual[f"discriminator.{name}.grad"], gradient)


def test_the_support_check_changes_neither_weights_nor_gradients(make_setup):
    setup = make_setup("residual", penalty="r1")
    before = [parameter.clone() for parameter in setup.networks.discriminator.parameters()]
    assert PenaltyJvpStep.unsupported_reason(setup) is None
    after = list(setup.networks.discriminator.parameters())
    assert all(torch.equal(a, b) for a, b in zip(after, before, strict=True))
    assert all(parameter.grad is None for parameter in after)


class WithPositions(nn.Module):
    """Discriminator that adds a parameter to the features, through a view that makes it look like a branch."""

    def __init__(self):
        super().__init__()
        self.layer, self.positions = nn.Linear(784, 1), nn.Parameter(torch.ones(784, 1))

    def forward(self, images):
        return self.layer(images.flatten(1) + self.positions.permute(1, 0)).flatten()


def test_a_discriminator_with_other_weights_than_those_of_layers_or_with_hooks_is_refused(make_setup):
    setup = make_setup("mlp", penalty="r1", dtype=torch.float32)
    positions = replace(setup, networks=Networks(setup.networks.generator, WithPositions()))
    assert PenaltyJvpStep.unsupported_reason(positions) == (
        "needs a discriminator whose weights are all those of its linear layers and convolutions"
    )
    assert PenaltyJvpStep.unsupported_reason(setup) is None
    next(setup.networks.discriminator.parameters()).register_hook(lambda gradient: 2 * gradient)
    assert PenaltyJvpStep.unsupported_reason(setup) == "supports no hooks"
