import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from palingen.adversarial.images import to_pixels
from palingen.adversarial.latent import GAP, WALKS, draw_images, draw_latents, endpoints, grid, lerp, slerp, truncate
from palingen.adversarial.networks import mlp

seeds = st.integers(0, 10_000)


def two(seed, dimensions=100):
    return draw_latents(2, dimensions, seed).double()


@given(seed=seeds, steps=st.integers(1, 12))
def test_every_walk_begins_and_ends_at_its_ends(seed, steps):
    a, b = two(seed)
    for walk in WALKS.values():
        points = walk(a, b, torch.linspace(0, 1, steps + 2).double())
        assert points.shape == (steps + 2, 100)
        torch.testing.assert_close(points[[0, -1]], torch.stack([a, b]))


@given(seed=seeds)
def test_the_arc_between_unit_vectors_stays_on_the_sphere_at_even_angles(seed):
    a, b = (z / z.norm() for z in two(seed))
    points = slerp(a, b, torch.linspace(0, 1, 9).double())
    torch.testing.assert_close(points.norm(dim=1), torch.ones(9).double())
    angles = torch.acos((points[1:] * points[:-1]).sum(1).clamp(-1, 1))
    torch.testing.assert_close(angles, angles.mean().expand(8))


def test_the_middle_of_the_straight_line_is_shorter_by_the_root_of_two():
    latents = draw_latents(2000, 100, seed=0)
    middles = torch.cat([lerp(a, b, torch.tensor([0.5])) for a, b in latents.view(-1, 2, 100)])
    assert latents.norm(dim=1).mean() / middles.norm(dim=1).mean() == pytest.approx(math.sqrt(2), rel=0.01)


def test_the_arc_between_equal_ends_is_the_point_itself():
    a = torch.randn(5).double()
    torch.testing.assert_close(slerp(a, a, torch.linspace(0, 1, 4).double()), a.expand(4, 5))


def test_latents_are_standard_normal_and_follow_their_seed():
    latents = draw_latents(5000, 100, seed=1)
    assert latents.mean().item() == pytest.approx(0, abs=0.01)
    assert latents.std().item() == pytest.approx(1, abs=0.01)
    assert torch.equal(latents, draw_latents(5000, 100, seed=1))
    assert not torch.equal(latents, draw_latents(5000, 100, seed=2))


@given(seed=seeds, share=st.floats(0.8, 1.2))
def test_only_latents_that_are_too_long_are_shortened_and_keep_their_direction(seed, share):
    latents = draw_latents(50, 64, seed).double()
    short, longest = truncate(latents, share), share * 8
    torch.testing.assert_close(short.norm(dim=1), latents.norm(dim=1).clamp(max=longest))
    torch.testing.assert_close(short / short.norm(dim=1, keepdim=True), latents / latents.norm(dim=1, keepdim=True))


def test_images_are_drawn_in_evaluation_mode_and_leave_the_generator_as_it_was():
    generator, _ = mlp(10, 1e-5)
    generator.train()
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    latents = draw_latents(30, 10, seed=0)
    one, many = draw_images(generator, latents[:1]), draw_images(generator, latents)
    assert generator.training
    assert (one[0].int() - many[0].int()).abs().max() <= 1  # its neighbours do not matter, rounding of products may
    assert all(torch.equal(before[name], value) for name, value in generator.state_dict().items())


def certain(*classes, confidence=0.995):
    rest = (1 - confidence) / 9
    return torch.stack([torch.full((10,), rest).scatter(0, torch.tensor(c), confidence) for c in classes])


def test_endpoints_are_the_first_two_sure_ones_of_different_classes():
    assert endpoints(certain(3, 3, 8, 1)) == (0, 2)
    unsure_first = torch.cat([certain(5, confidence=0.5), certain(3, 3, 8)])
    assert endpoints(unsure_first) == (1, 3)


def test_endpoints_of_wanted_classes_come_in_their_order():
    assert endpoints(certain(3, 3, 8, 1), (1, 3)) == (3, 0)
    assert endpoints(certain(3, 3, 8, 1), (1, 7)) is None


def test_images_of_one_class_only_have_no_endpoints():
    assert endpoints(certain(1, 1, 1)) is None


def test_unsure_images_serve_where_there_are_no_sure_ones():
    assert endpoints(torch.cat([certain(3, confidence=0.4), certain(8, confidence=0.6)])) == (1, 0)


def test_a_grid_holds_each_image_in_its_place():
    pixels = torch.arange(1, 7, dtype=torch.uint8).view(6, 1, 1).expand(6, 28, 28).contiguous()
    sheet = grid(pixels, columns=4, scale=1)
    assert sheet.shape == (2 * 28 + GAP, 4 * 28 + 3 * GAP)
    assert sheet[0, 0] == 1
    assert sheet[28 + GAP, 28 + GAP] == 6
    assert sheet[28 + GAP, 2 * (28 + GAP)] == 0
    assert grid(pixels, columns=4, scale=3).shape == (3 * sheet.shape[0], 3 * sheet.shape[1])


def test_images_are_rounded_to_the_nearest_grey_level():
    assert to_pixels(torch.tensor([-1.0, 0.0, 1.0, 2.0])).tolist() == [0, 128, 255, 255]
    assert isinstance(mlp(10, 0.8)[0][3], nn.BatchNorm1d)
    assert mlp(10, 0.8)[0][3].eps == 0.8
