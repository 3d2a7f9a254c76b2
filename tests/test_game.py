import pytest
import torch

from palingen.adversarial.game import play, play_by_pieces
from palingen.adversarial.losses import LOSSES
from palingen.adversarial.networks import PAIRS
from palingen.adversarial.penalties import BETWEEN, PENALTIES

SLOPES = sorted(set(PENALTIES) - BETWEEN)


def pair(name, classes, dtype=torch.float64):
    torch.manual_seed(0)
    networks = [network.to(dtype) for network in PAIRS[name](6, 1e-5, 1, classes)]
    for network in networks:
        for weight in network.parameters():  # blocks begin as their straight part; here all of them shall matter
            weight.data += 0.02 * torch.randn_like(weight)
    return networks


def drawn(classes, dtype=torch.float64):
    torch.manual_seed(1)
    labels = torch.tensor([3, 1, 3, 0]) if classes else None
    latents = torch.randn(4, 6, dtype=dtype)
    if classes:
        latents = torch.cat([latents, torch.nn.functional.one_hot(labels, classes).to(dtype)], 1)
    return torch.rand(4, 1, 28, 28, dtype=dtype) * 2 - 1, latents, labels


def gradients(networks):
    return [weight.grad.clone() for network in networks for weight in network.parameters()]


@pytest.mark.parametrize("classes", [0, 5])
@pytest.mark.parametrize("penalty", SLOPES)
@pytest.mark.parametrize("loss", ["relativistic", "non-saturating"])
@pytest.mark.parametrize("name", ["residual", "mlp"])
def test_one_pass_for_slopes_and_losses_leaves_the_very_gradients_of_separate_passes(name, loss, penalty, classes):
    networks, (real, latents, labels) = pair(name, classes), drawn(classes)
    of_slopes = (PENALTIES[penalty], 0.7)
    plain = play(*networks, LOSSES[loss], 0.5, real, latents, labels, of_slopes)
    expected = gradients(networks)
    fast = play_by_pieces(*networks, LOSSES[loss], 0.5, real, latents, labels, of_slopes)
    torch.testing.assert_close(fast, plain)
    torch.testing.assert_close(gradients(networks), expected)


@pytest.mark.parametrize("name", PAIRS)
def test_a_penalty_moves_the_discriminator_and_not_the_generator(name):
    networks, (real, latents, labels) = pair(name, 0), drawn(0)
    play(*networks, LOSSES["wasserstein"], 1.0, real, latents, labels)
    free = [gradients([network]) for network in networks]
    play(*networks, LOSSES["wasserstein"], 1.0, real, latents, labels, (PENALTIES["r1-r2"], 10.0))
    held = [gradients([network]) for network in networks]
    torch.testing.assert_close(held[0], free[0])
    assert any(not torch.allclose(a, b) for a, b in zip(held[1], free[1], strict=True))


def test_only_the_logit_of_the_class_asked_for_counts():
    networks, (real, latents, labels) = pair("mlp", 5), drawn(5)
    play(*networks, LOSSES["non-saturating"], 1.0, real, latents, labels)
    readout = networks[1][-1].bias.grad
    assert (readout[[2, 4]] == 0).all()
    assert (readout[[0, 1, 3]] != 0).any()


@pytest.mark.parametrize("name", PAIRS)
def test_half_precision_products_give_nearly_the_same_losses_and_full_precision_gradients(name):
    real, latents, labels = drawn(5, torch.float32)
    losses = {}
    for precision in ("float32", "bfloat16"):
        networks = pair(name, 5, torch.float32)
        losses[precision] = torch.stack(
            play_by_pieces(
                *networks, LOSSES["relativistic"], 1.0, real, latents, labels, (PENALTIES["r1-r2"], 0.1), precision
            )[:2]
        )
        assert all(gradient.dtype is torch.float32 and gradient.isfinite().all() for gradient in gradients(networks))
    torch.testing.assert_close(losses["bfloat16"], losses["float32"], rtol=0.05, atol=0.05)
