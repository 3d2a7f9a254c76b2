"""Helpers for the tests of the memory page: its maths under Node."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from palingen.recurrence.layers import SequenceClassifier

NODE = shutil.which("node")
SCRIPT = Path(__file__).with_name("run_memory.js")

needs_node = pytest.mark.skipif(NODE is None, reason="Node is not installed")


def run_memory(job: str, **values: Any) -> Any:
    """Result of one job of `run_memory.js`."""
    text = json.dumps({"job": job, **values})
    result = subprocess.run([NODE, SCRIPT], input=text, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def make_network(cell: str, *, input_size: int = 10, hidden_size: int = 24, seed: int = 0) -> SequenceClassifier:
    """Untrained network whose forget gates are open, so that much of the past reaches the end."""
    torch.manual_seed(seed)
    model = SequenceClassifier(cell, input_size, hidden_size, num_classes=10, engine="reference")
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1.3)
        if model.recurrent.cell.forget_gate:
            gate = model.recurrent.cell.gates.index(model.recurrent.cell.forget_gate)
            model.recurrent.bias[gate * hidden_size : (gate + 1) * hidden_size] += 1
    return model


def network_json(model: SequenceClassifier) -> dict[str, Any]:
    """A network as `run_memory.js` reads it."""
    layer = model.recurrent
    cell = next(name for name, cell in cells().items() if cell is layer.cell)
    parameters = {name: weight.flatten().tolist() for name, weight in model.state_dict().items()}
    return {
        "cell": cell,
        "inputSize": layer.input_size,
        "hiddenSize": layer.hidden_size,
        "parameters": parameters,
    }


def cells() -> dict[str, Any]:
    """Registry of the cells."""
    from palingen.recurrence.cells import CELLS

    return CELLS


def settle_memory(page: Any) -> None:
    """Wait until the workers of the memory page have answered everything and the link is written."""
    page.wait_for_function("palingen.memory.isIdle()")
    page.wait_for_timeout(150)
    page.wait_for_function("palingen.memory.isIdle()")


def show_panel(page: Any, panel: str) -> None:
    """Scroll to a panel, and wait until it is drawn."""
    page.evaluate(f"document.getElementById('{panel}').scrollIntoView()")
    page.wait_for_selector(f"#{panel}[data-drawn]")
    settle_memory(page)
