import copy

import pytest
import torch

from palingen.adversarial.by_hand import HandStep, lay_flat
from palingen.adversarial.game import play
from palingen.adversarial.losses import LOSSES
from palingen.adversarial.networks import mlp


def two_pairs(dtype=torch.float64):
    torch.manual_seed(0)
    pair = [network.to(dtype) for network in mlp(10, 1e-5)]
    return pair, copy.deepcopy(pair)


@pytest.mark.parametrize(("loss", "dtype"), [*((loss, torch.float64) for loss in LOSSES), ("minimax", torch.float32)])
def test_by_hand_leaves_the_gradients_statistics_and_losses_of_autograd(loss, dtype):
    plain, handmade = two_pairs(dtype)
    for player in handmade:
        lay_flat(player)
    step = HandStep(*handmade)
    rtol = 1e-7 if dtype is torch.float64 else 1e-4
    for _ in range(2):
        real, latents = torch.rand(16, 1, 28, 28, dtype=dtype) * 2 - 1, torch.randn(16, 10, dtype=dtype)
        expected = play(*plain, LOSSES[loss], 0.5, real, latents)
        torch.testing.assert_close(step.play(LOSSES[loss], 0.5, real, latents), expected, rtol=rtol, atol=rtol)
        for one, other in zip(plain, handmade, strict=True):
            for (name, weight), same in zip(one.named_parameters(), other.parameters(), strict=True):
                torch.testing.assert_close(same.grad, weight.grad, rtol=rtol, atol=rtol, msg=name)
            torch.testing.assert_close(dict(other.named_buffers()), dict(one.named_buffers()))


def test_weights_laid_flat_are_the_same_and_move_with_the_whole():
    (generator, _), (flat_generator, _) = two_pairs()
    flat = lay_flat(flat_generator)
    latents = torch.randn(4, 10).double()
    torch.testing.assert_close(flat_generator(latents), generator(latents))
    assert flat.numel() == sum(weight.numel() for weight in generator.parameters())
    with torch.no_grad():
        flat.zero_()
    assert not any(weight.any() for weight in flat_generator.parameters())


def test_five_steps_of_adam_over_the_whole_end_in_the_weights_of_five_over_the_parts():
    plain, handmade = two_pairs()
    wholes = [lay_flat(player) for player in handmade]
    step = HandStep(*handmade)
    parts = [torch.optim.Adam(player.parameters(), 2e-4, fused=True) for player in plain]
    whole = [torch.optim.Adam([flat], 2e-4, fused=True) for flat in wholes]
    for _ in range(5):
        real, latents = torch.rand(16, 1, 28, 28).double() * 2 - 1, torch.randn(16, 10).double()
        play(*plain, LOSSES["non-saturating"], 1.0, real, latents)
        step.play(LOSSES["non-saturating"], 1.0, real, latents)
        for optimizer in (*parts, *whole):
            optimizer.step()
    for one, other in zip(plain, handmade, strict=True):
        for (name, weight), same in zip(one.named_parameters(), other.named_parameters(), strict=True):
            torch.testing.assert_close(same[1], weight, rtol=1e-7, atol=1e-9, msg=name)
