import pytest
import torch
from torch import nn

from palingen.gan.data.mnist import load_images, to_unit
from palingen.gan.models import ARCHITECTURES, Networks, mlp
from palingen.gan.objectives.losses import LOSSES
from palingen.gan.steps.autograd import AutogradStep
from palingen.gan.steps.protocol import StepInputs, StepSetup


def script_step(networks, optimizers, weight, real, latents):
    """One step of the course's script to the letter: the generator's update, then the discriminator's."""
    (generator, discriminator), bce = networks, nn.BCELoss()
    valid, invalid = torch.ones(len(real)).double(), torch.zeros(len(real)).double()
    fake = generator(latents)
    optimizers[0].zero_grad()
    bce(discriminator(fake).sigmoid(), valid).backward()
    optimizers[0].step()
    optimizers[1].zero_grad()
    real_loss = bce(discriminator(real).sigmoid(), valid)
    fake_loss = bce(discriminator(fake.detach()).sigmoid(), invalid)
    (weight * (real_loss + fake_loss)).backward()
    optimizers[1].step()


@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_one_pass_over_real_and_fake_images_equals_the_two_passes_of_the_script(few_digits, weight):
    torch.manual_seed(0)
    one_pass, script = (Networks(*(network.double() for network in mlp(10, 1e-5))) for _ in range(2))
    for network, reference in zip(one_pass, script, strict=True):
        reference.load_state_dict(network.state_dict())
    optimizers, script_optimizers = (
        [torch.optim.Adam(network.parameters(), 2e-4) for network in networks] for networks in (one_pass, script)
    )
    step = AutogradStep(StepSetup(one_pass, LOSSES["non-saturating"], weight))
    pixels = load_images("train", str(few_digits)).pixels.unsqueeze(1)
    for batch in pixels[:80].split(16):
        real, latents = to_unit(batch).double(), torch.randn(16, 10).double()
        step.compute_gradients(StepInputs(real, latents))
        for optimizer in optimizers:
            optimizer.step()
        script_step(script, script_optimizers, weight, real, latents)
    for network, reference in zip(one_pass, script, strict=True):
        for tensor, expected in zip(network.state_dict().values(), reference.state_dict().values(), strict=True):
            # Adam divides by the size of the gradient itself: where that is about 1e-12, its digits are rounding
            torch.testing.assert_close(tensor, expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("penalty", ["r1-r2", "wgan-gp"])
def test_a_penalty_changes_the_gradient_of_the_discriminator_only(
    make_setup, make_inputs, compute, architecture, penalty
):
    free, penalised = (
        compute("autograd", make_setup(architecture, "wasserstein", name), make_inputs()) for name in (None, penalty)
    )
    unequal = {name for name in free if not torch.allclose(free[name], penalised[name], rtol=1e-9, atol=0)}
    assert unequal
    assert all(name.startswith("discriminator.") for name in unequal)


@pytest.mark.parametrize("position", [0.0, 0.25, 1.0])
def test_an_interpolated_penalty_is_evaluated_between_fake_at_0_and_real_at_1(
    make_setup, make_inputs, compute, position
):
    setup, inputs = make_setup("residual", "wasserstein", "wgan-gp"), make_inputs()
    points = torch.full((4,), position).double()
    actual = compute("autograd", setup, StepInputs(inputs.real, inputs.latents, None, points), penalty_weight=0.7)

    generator, discriminator = setup.networks
    fake = generator(inputs.latents).detach()
    images = (position * inputs.real + (1 - position) * fake).requires_grad_()
    (gradients,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    penalty = (gradients.flatten(1).norm(dim=1) - 1).square().mean()
    objective = 0.5 * (discriminator(fake).mean() - discriminator(inputs.real).mean()) + 0.7 * penalty
    names = [name for name, _ in discriminator.named_parameters()]
    for name, gradient in zip(names, torch.autograd.grad(objective, list(discriminator.parameters())), strict=True):
        torch.testing.assert_close(actual[f"discriminator.{name}.grad"], gradient)


def test_an_interpolated_penalty_without_its_points_is_refused(make_setup, make_inputs):
    inputs = make_inputs()
    with pytest.raises(ValueError, match="interpolation=None"):
        AutogradStep(make_setup(penalty="wgan-gp")).compute_gradients(StepInputs(inputs.real, inputs.latents), 1.0)


def test_only_the_logits_of_the_classes_of_the_batch_have_gradients(make_setup, make_inputs, compute):
    inputs = make_inputs(num_classes=5)
    assert set(inputs.labels.tolist()) == {0, 1, 3}
    bias_grad = compute("autograd", make_setup(num_classes=5), inputs)["discriminator.5.bias.grad"]
    assert bias_grad.nonzero().flatten().tolist() == [0, 1, 3]
