import json

from support import ROOT

from palingen.report.architecture_diagram import MAX_HEIGHT, MIN_HEIGHT, boxes
from palingen.workflows.model_summary import summarize_models

NETWORKS = {
    "latents": 4,
    "classes": 3,
    "generator": [
        {"name": "Linear", "shape": [1024]},
        {"name": "BatchNorm1d", "shape": [1024]},
        {"name": "LeakyReLU", "shape": [1024]},
        {"name": "Unflatten", "shape": [16, 8, 8]},
        {"name": "ConvTranspose2d", "shape": [1, 28, 28]},
    ],
    "discriminator": [{"name": "Linear", "shape": [3]}],
}


def test_layers_without_weights_annotate_the_box_before_them():
    generator = boxes(NETWORKS)["generator"]
    assert [(box["shape"], box["note"]) for box in generator] == [
        ("4 + 3", "latents, class"),
        ("16 \N{MULTIPLICATION SIGN} 8 \N{MULTIPLICATION SIGN} 8", "BatchNorm, LeakyReLU"),
        ("28 \N{MULTIPLICATION SIGN} 28", "transposed conv."),
    ]


def test_the_discriminator_starts_with_the_generators_image_and_ends_in_logits():
    image, logits = boxes(NETWORKS)["discriminator"]
    assert (image["shape"], image["note"]) == ("28 \N{MULTIPLICATION SIGN} 28", "image")
    assert (logits["shape"], logits["note"]) == ("3", "one logit a class")
    unconditional = boxes({**NETWORKS, "classes": 0})
    assert unconditional["generator"][0]["shape"] == "4"
    assert unconditional["discriminator"][-1]["note"] == "logit"


def test_heights_grow_with_the_logarithm_of_the_units_within_limits():
    heights = {units: boxes({**NETWORKS, "discriminator": [{"name": "Linear", "shape": [units]}]})
               ["discriminator"][-1]["height"] for units in (1, 7, 15, 10**6)}  # fmt: skip
    assert heights == {1: 1.6, 7: 4.8, 15: 6.4, 10**6: MAX_HEIGHT}
    assert min(heights.values()) >= MIN_HEIGHT


def test_the_committed_summary_is_that_of_the_networks_as_built():
    committed = json.loads((ROOT / "report" / "runs" / "model_summary.json").read_text())
    assert committed == summarize_models()
