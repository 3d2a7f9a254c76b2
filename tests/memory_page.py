"""Helpers for the tests of the memory page: its maths under Node, and trainings in torch to compare it with."""

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator
from torch.nn.functional import cross_entropy

from palingen.recurrence.layers import SequenceClassifier
from palingen.recurrence.palindromes import encode, sample_distinct

NODE = shutil.which("node")
SCRIPT = Path(__file__).with_name("run_memory.js")

needs_node = pytest.mark.skipif(NODE is None, reason="Node is not installed")


def run_memory(job: str, **values: Any) -> Any:
    """Result of one job of `run_memory.js`."""
    text = json.dumps({"job": job, **values})
    result = subprocess.run([NODE, SCRIPT], input=text, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def make_network(
    cell: str, *, input_size: int = 10, hidden_size: int = 24, seed: int = 0, learn_initial_state: bool = False
) -> SequenceClassifier:
    """Untrained network whose forget gates are open, so that much of the past reaches the end."""
    torch.manual_seed(seed)
    sizes = (input_size, hidden_size, 10)
    model = SequenceClassifier(cell, *sizes, engine="reference", learn_initial_state=learn_initial_state)
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


@dataclass
class Training:
    """A training in torch: what it started from and read, and what came of it."""

    model: SequenceClassifier
    untrained: dict[str, Any]
    """The network at the start, as `run_memory.js` reads it."""

    optimizer: str
    settings: dict[str, float]
    batches: list[dict[str, Any]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    """Gradient norms before clipping."""

    def assert_equals(self, result: Any) -> None:
        """Compare loss and gradient norm of every step, and the trained weights, relative to 1e-3."""
        for name, expected in (("loss", self.losses), ("gradientNorm", self.norms)):
            np.testing.assert_allclose([metrics[name] for metrics in result["metrics"]], expected, rtol=1e-3)
        for name, parameter in self.model.named_parameters():
            weights = torch.tensor(result["parameters"][name]).view_as(parameter)
            assert (weights - parameter).norm() < 1e-3 * parameter.norm(), name


def train_in_torch(cell: str, optimizer: str, steps: int = 50) -> Training:
    """Train on palindromes of ten digits, with a few gradients clipped."""
    model, rate, max_norm = make_network(cell, hidden_size=16), 2e-3, 0.3
    training = Training(model, network_json(model), optimizer, {"learningRate": rate, "maxGradNorm": max_norm})
    torch_optimizer = {
        "adam": lambda weights: torch.optim.Adam(weights, lr=rate),
        "rmsprop": lambda weights: torch.optim.RMSprop(weights, lr=rate, alpha=0.99),
    }[optimizer](model.parameters())
    for step in range(steps):
        digits = sample_distinct(10, 16, Generator().manual_seed(step))
        inputs, targets = digits[:, :-1], digits[:, -1].long()
        training.batches.append({"digits": inputs.tolist(), "targets": targets.tolist()})
        loss = cross_entropy(model(encode(inputs, "one-hot")), targets)
        torch_optimizer.zero_grad()
        loss.backward()
        training.norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)))
        torch_optimizer.step()
        training.losses.append(loss.item())
    assert max(training.norms) > max_norm
    return training


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
