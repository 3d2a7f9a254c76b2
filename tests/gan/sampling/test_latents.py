import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from palingen.gan.models import mlp
from palingen.gan.sampling.latents import (
    NoiseSource,
    append_one_hot,
    clip_norm,
    generate,
    generate_pixels,
    sample_inputs,
    sample_latents,
)

CPU = torch.device("cpu")

seeds = st.integers(0, 10_000)


def test_latents_are_standard_normal_and_determined_by_their_seed():
    latents = sample_latents(5000, 100, seed=1)
    assert latents.mean().item() == pytest.approx(0, abs=0.01)
    assert latents.std().item() == pytest.approx(1, abs=0.01)
    assert torch.equal(latents, sample_latents(5000, 100, seed=1))
    assert not torch.equal(latents, sample_latents(5000, 100, seed=2))


@given(seed=seeds, max_norm=st.floats(0.8, 1.2))
def test_only_latents_above_the_maximum_norm_are_scaled_down_and_keep_their_direction(seed, max_norm):
    latents = sample_latents(50, 64, seed).double()
    clipped = clip_norm(latents, max_norm)
    torch.testing.assert_close(clipped.norm(dim=1), latents.norm(dim=1).clamp(max=max_norm * 8))
    torch.testing.assert_close(clipped / clipped.norm(dim=1, keepdim=True), latents / latents.norm(dim=1, keepdim=True))


def test_classes_follow_the_latents_in_one_hot_form():
    latents = torch.tensor([[0.5, -1.0], [2.0, 3.0]])
    assert append_one_hot(latents, torch.tensor([2, 0]), 3).tolist() == [[0.5, -1, 0, 0, 1], [2, 3, 1, 0, 0]]
    assert append_one_hot(latents, None, 0) is latents


def test_inputs_of_a_conditional_generator_have_the_classes_in_turn():
    inputs = sample_inputs(12, 4, 10, seed=3)
    assert torch.equal(inputs[:, :4], sample_latents(12, 4, 3))
    assert inputs[:, 4:].argmax(1).tolist() == [*range(10), 0, 1]
    assert torch.equal(sample_inputs(12, 4, 0, seed=3), sample_latents(12, 4, 3))


def test_restored_noise_continues_where_it_was_saved():
    noise = NoiseSource(0, CPU)
    noise.sample(7)
    state = noise.state_dict()
    expected = noise.sample(3, 2)
    restored = NoiseSource(5, CPU)
    restored.load_state_dict(state)
    assert torch.equal(restored.sample(3, 2), expected)


def test_noise_of_another_type_of_device_goes_on_with_numbers_of_its_own():
    noise, states = NoiseSource(0, CPU), []
    for _ in range(2):
        noise.sample(7)
        states.append({**noise.state_dict(), "device": "cuda"})
    first, again, second = (NoiseSource(0, CPU) for _ in range(3))
    for source, state in ((first, states[0]), (again, states[0]), (second, states[1])):
        source.load_state_dict(state)
    numbers = first.sample(100)
    assert torch.equal(again.sample(100), numbers)
    for other in (second, NoiseSource(0, CPU)):
        assert not torch.isin(other.sample(100), numbers).any()


def test_generation_uses_evaluation_mode_and_leaves_the_generator_unchanged():
    generator, _ = mlp(10, 1e-5)
    generator.train()
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    latents = sample_latents(30, 10, seed=0)
    alone, in_a_batch = generate(generator, latents[:1]), generate(generator, latents)
    assert generator.training
    torch.testing.assert_close(alone[0], in_a_batch[0])
    assert all(torch.equal(before[name], value) for name, value in generator.state_dict().items())


def test_the_channels_of_a_generated_image_are_side_by_side():
    generator, _ = mlp(10, 1e-5, channels=3)
    latents = sample_latents(4, 10, seed=0)
    pixels, images = generate_pixels(generator, latents), generate(generator, latents)
    assert pixels.shape == (4, 28, 84)
    for channel in range(3):
        expected = ((images[:, channel] + 1) * 127.5).round().to(torch.uint8)
        assert torch.equal(pixels[:, :, 28 * channel : 28 * (channel + 1)], expected)
