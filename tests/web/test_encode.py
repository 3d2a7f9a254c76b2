"""Networks as JSON: the page's JavaScript computes what torch does."""

import numpy as np
import pytest
import torch
from digits_page import IMAGE_TOLERANCE, needs_node, node_images, run_node
from hypothesis import given, settings
from hypothesis import strategies as st

from palingen.gan.config import GanConfig, build_networks, count_generator_classes
from palingen.gan.data.mnist import load_images, to_unit
from palingen.gan.evaluation.classifier import load_classifier
from palingen.gan.pretrained import load_generator
from palingen.gan.sampling.latents import append_one_hot, generate, sample_latents
from palingen.runtime.errors import PalingenError
from palingen.web.encode import classifier_layers, encode_float16, encode_gray4, generator_layers

pytestmark = needs_node


def test_images_of_trained_networks_equal_torchs(trained):
    generator, inputs = trained
    expected = generate(generator, inputs)
    assert expected.std() > 0.01
    assert (node_images(generator, inputs) - expected).abs().max() < IMAGE_TOLERANCE


@pytest.mark.parametrize("conditional", [False, True], ids=["unconditional", "conditional"])
@pytest.mark.parametrize("architecture", ["mlp", "conv", "residual"])
def test_images_of_untrained_networks_equal_torchs(architecture, conditional):
    config = GanConfig(architecture=architecture, conditional=conditional)
    generator, _ = build_networks(config)
    labels = torch.arange(64) % 10 if conditional else None
    inputs = append_one_hot(sample_latents(64, 100, seed=1), labels, count_generator_classes(generator))
    assert (node_images(generator, inputs) - generate(generator, inputs)).abs().max() < IMAGE_TOLERANCE


@pytest.mark.parametrize("stage", ["start", "middle", "end"])
@pytest.mark.parametrize("name", ["course", "residual"])
def test_images_of_the_shipped_generators_equal_torchs(name, stage):
    shipped = load_generator(name, stage)
    inputs = shipped.inputs(64, 1, shipped.labels(64, 1))
    difference = (node_images(shipped.generator, inputs) - generate(shipped.generator, inputs)).abs().max()
    print(f"{name}, {stage}: largest difference {difference:.2g}")
    assert difference < IMAGE_TOLERANCE


def test_probabilities_of_the_classifier_equal_torchs():
    classifier, pixels = load_classifier(), load_images("t10k").pixels[:64]
    network, inputs = {"layers": classifier_layers(classifier)}, to_unit(pixels).flatten(1)
    logits = torch.tensor(run_node("forward", network=network, inputs=inputs.tolist())).view(64, 10)
    assert (logits.softmax(1) - classifier.probabilities(pixels)).abs().max() < 2e-3  # weights rounded to float16


def test_softmax_equals_torchs():
    logits = [3.0, -1.0, 0.5, 900.0, 899.0]
    expected = torch.tensor(logits, dtype=torch.float64).softmax(0)
    torch.testing.assert_close(torch.tensor(run_node("softmax", logits=logits), dtype=torch.float64), expected)


@given(st.lists(st.floats(width=16, allow_nan=False, allow_infinity=False), min_size=1, max_size=40))
@settings(max_examples=20)
def test_float16_is_decoded_exactly(values):
    assert run_node("float16", text=encode_float16(torch.tensor(values))) == values


def test_grey_levels_are_decoded_to_the_nearest_of_16():
    pixels = np.arange(256, dtype=np.uint8)
    decoded = np.array(run_node("gray4", text=encode_gray4(pixels)))
    levels = np.arange(16) * 17
    nearest = np.abs(levels[:, None] - pixels[None].astype(int)).min(0)
    np.testing.assert_array_equal(np.abs(decoded - pixels), nearest)


def test_a_layer_that_the_page_cannot_compute_is_named():
    with pytest.raises(PalingenError, match="cannot compute layers of the type GELU"):
        generator_layers(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.GELU()))
