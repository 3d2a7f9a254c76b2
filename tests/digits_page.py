"""Helpers for the tests of the digits page: its maths under Node, and what it shows in a browser."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from palingen.web.encode import generator_layers

NODE = shutil.which("node")
SCRIPT = Path(__file__).with_name("run_explorer.js")

needs_node = pytest.mark.skipif(NODE is None, reason="Node is not installed")

IMAGE_TOLERANCE = 2e-3
"""Largest difference of a pixel in [-1, 1]: half of what rounding to 256 grey levels may change."""


def run_node(job: str, **values: Any) -> Any:
    """Result of one job of `run_explorer.js`."""
    text = json.dumps({"job": job, **values})
    result = subprocess.run([NODE, SCRIPT], input=text, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def network_json(generator: nn.Module, inputs: Tensor) -> dict[str, Any]:
    """A generator as the page's data holds it."""
    return {"inputSize": inputs.shape[1], "layers": generator_layers(generator)}


def node_images(generator: nn.Module, inputs: Tensor) -> Tensor:
    """Images [B, 1, 28, 28] that the page's JavaScript generates."""
    images = run_node("forward", network=network_json(generator, inputs), inputs=inputs.tolist())
    return torch.tensor(images).view(len(inputs), 1, 28, 28)


def settle(page: Any) -> None:
    """Wait until the worker has answered everything and the latent plane is complete."""
    page.wait_for_function("palingen.page.isIdle() && document.querySelector('#plane-images').dataset.filled")
    page.wait_for_timeout(250)
    page.wait_for_function("palingen.page.isIdle()")


def canvas_image(page: Any, selector: str) -> str:
    """Contents of a canvas."""
    return page.eval_on_selector(selector, "canvas => canvas.toDataURL()")


def has_ink(page: Any, selector: str) -> bool:
    """Whether a canvas shows anything."""
    ink = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((v) => v > 100)"
    return page.eval_on_selector(selector, ink)
