"""The explorer's JavaScript, under Node, against torch."""

import copy
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from palingen.adversarial.experiment import GanRun, networks
from palingen.adversarial.export import generator_layers, greys, halves, judge_layers
from palingen.adversarial.images import load_images, to_unit
from palingen.adversarial.judge import load_judge
from palingen.adversarial.latent import draw, draw_latents, lerp, slerp, with_classes
from palingen.adversarial.train import train
from palingen.adversarial.trained import load, load_generator

RUN = Path(__file__).with_name("explorer_run.js")
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="Node is not installed")

KINDS = [(pair, conditional) for pair in ("mlp", "conv", "residual") for conditional in (False, True)]
NAMES = [f"{pair}{'-conditional' * conditional}" for pair, conditional in KINDS]

TOLERANCE = 2e-3
"""Largest difference of an image in -1 to 1; half a grey level is 4e-3."""


def node(**job):
    """What the explorer's maths answers."""
    run = subprocess.run([NODE, RUN], input=json.dumps(job), capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def images_of(network, inputs):
    answer = node(job="forward", network=network, inputs=inputs.tolist())
    return torch.tensor(answer).view(len(inputs), 1, 28, 28)


@pytest.fixture(scope="module", params=KINDS, ids=NAMES)
def kind(request, tmp_path_factory, few_digits):
    """A generator of each kind after a few steps, so that BatchNorm has something to say, and 64 fixed inputs."""
    pair, conditional = request.param
    config = GanRun(
        pair=pair, conditional=conditional, data=str(few_digits), epochs=5, batch_size=50, latent_dim=16,
        learning_rate=2e-4, watch_samples=0,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("run")
    train(config, folder, torch.device("cpu"))
    generator, _ = load_generator(folder)
    labels = torch.arange(64) % 10 if conditional else None
    return generator, with_classes(draw_latents(64, 16, seed=1), labels, config.classes)


def test_images_of_every_kind_of_network_are_torchs(kind):
    generator, inputs = kind
    network = {"inputs": inputs.shape[1], "layers": generator_layers(generator)}
    expected = draw(generator, inputs)
    assert expected.std() > 0.01
    assert (images_of(network, inputs) - expected).abs().max() < TOLERANCE


@pytest.mark.parametrize(("pair", "conditional"), KINDS, ids=NAMES)
def test_images_of_untrained_networks_are_torchs(pair, conditional):
    config = GanRun(pair=pair, conditional=conditional)
    generator, _ = networks(config)
    inputs = with_classes(draw_latents(64, 100, seed=1), torch.arange(64) % 10 if conditional else None, config.classes)
    network = {"inputs": inputs.shape[1], "layers": generator_layers(generator)}
    assert (images_of(network, inputs) - draw(generator, inputs)).abs().max() < TOLERANCE


@pytest.mark.parametrize("moment", ["start", "middle", "end"])
@pytest.mark.parametrize("name", ["course", "residual"])
def test_images_of_the_shipped_generators_are_torchs(name, moment):
    shipped = load(name, moment)
    inputs = shipped.inputs(64, 1, shipped.labels(64, 1))
    network = {"inputs": inputs.shape[1], "layers": generator_layers(shipped.generator)}
    far = (images_of(network, inputs) - draw(shipped.generator, inputs)).abs().max()
    print(f"{name}, {moment}: {far:.2g}")
    assert far < TOLERANCE


def test_the_judge_gives_torchs_probabilities():
    judge, pixels = load_judge(), load_images("t10k").pixels[:64]
    logits = node(
        job="forward", network={"layers": judge_layers(judge)}, inputs=to_unit(pixels).flatten(1).tolist()
    )  # fmt: skip
    probabilities = torch.tensor(logits).view(64, 10).softmax(1)
    assert (probabilities - judge.probabilities(pixels)).abs().max() < TOLERANCE


def test_gradients_of_every_kind_of_network_are_autograds(kind):
    generator, inputs = kind
    generator = copy.deepcopy(generator).half().float()  # weights that both hold exactly, so that kinks are the same
    inputs = inputs[:4].clone().requires_grad_()
    gradient = torch.randn(4, 784, generator=torch.Generator().manual_seed(0))
    (generator(inputs).flatten(1) * gradient).sum().backward()
    network = {"inputs": inputs.shape[1], "layers": generator_layers(generator)}
    answer = torch.tensor(
        node(job="back", network=network, inputs=inputs.tolist(), gradient=gradient.tolist())
    ).view_as(inputs)  # fmt: skip
    assert inputs.grad.abs().max() > 0.1
    assert (answer - inputs.grad).abs().max() < 1e-4 * inputs.grad.abs().max()


@given(st.lists(st.floats(width=16, allow_nan=False, allow_infinity=False), min_size=1, max_size=40))
@settings(max_examples=20)
def test_half_precision_is_read_exactly(values):
    assert node(job="halves", text=halves(torch.tensor(values))) == values


def test_grey_levels_are_read_to_the_nearest_of_16():
    pixels = torch.arange(256, dtype=torch.uint8)
    read = torch.tensor(node(job="greys", text=greys(pixels)))
    assert (read - pixels.int()).abs().max() == 8
    assert read[0] == 0
    assert read[255] == 255


def test_noise_is_standard_normal_and_follows_its_seed():
    values = np.array(node(job="noise", count=100_000, seed=3))
    assert abs(values.mean()) < 4 / 100_000**0.5
    assert abs(values.var() - 1) < 4 * (2 / 100_000) ** 0.5
    assert abs((np.abs(values) < 1).mean() - 0.6827) < 0.006
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 4 / 100_000**0.5
    assert node(job="noise", count=5, seed=3) == values[:5].tolist() != node(job="noise", count=5, seed=4)


def test_walks_are_those_of_the_library():
    a, b = draw_latents(2, 100, seed=0)
    fractions = torch.linspace(0, 1, 9)
    for (answer, walk) in zip(
        node(job="walks", a=[a.tolist()], b=[b.tolist()], fractions=fractions.tolist()), (lerp, slerp), strict=True
    ):  # fmt: skip
        torch.testing.assert_close(torch.tensor(answer), walk(a, b, fractions), atol=1e-5, rtol=0)


def test_the_plane_through_three_pins_holds_them():
    pins = draw_latents(3, 20, seed=0)
    corners = torch.tensor(node(job="pins", pins=[[pin.tolist()] for pin in pins], dim=20))
    torch.testing.assert_close(corners, pins, atol=1e-4, rtol=0)


def test_what_a_link_holds_comes_back_the_same():
    latents = draw_latents(1, 110, seed=0)[0]
    rounded, text, again = node(job="packed", input=[latents.tolist()])
    assert (torch.tensor(rounded) - latents).abs().max() <= 1 / 64
    assert again == rounded
    assert len(text) <= 148


def test_the_search_comes_near_a_picture_that_the_generator_can_draw():
    trained = load("course")
    latents = draw_latents(4, 100, seed=5)
    target = draw(trained.generator, latents[:1]).flatten()
    network = {"inputs": 100, "layers": generator_layers(trained.generator)}
    losses = node(job="search", network=network, target=[target.tolist()], starts=latents[1:].tolist(), dim=100)
    assert losses[-1] < 0.1 * losses[0]
    assert losses == sorted(losses, reverse=True)
