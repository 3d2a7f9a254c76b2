"""Analysis of a trained network: gates over time, and the gradient of the loss that reaches each step.

B  sequences      T  steps      I  inputs      H  hidden units
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy, linear

from palingen.recurrence.cells import CELLS
from palingen.recurrence.config import PalindromeConfig, build_network
from palingen.recurrence.layers import RecurrentLayer, SequenceClassifier
from palingen.recurrence.palindromes import Palindromes, count_palindromes, encode, sample_distinct
from palingen.recurrence.pretrained import load_network
from palingen.runtime.user_code import part_label

SIGMOID_GATES = ("i", "f", "o", "r", "z")
"""Gates with values from 0 to 1; the candidates g and n are not gates in this sense."""

NUM_PALINDROMES = 64
"""Palindromes over which gradient norms are averaged, if there are as many."""

MAX_DIGITS = 128_000
"""Digits of these palindromes together, at most, unless there is only one: the values of all steps are held."""

Norms = dict[str, Float[Tensor, " T"]]
"""Gradient norm at every step, for each part of the state."""


@dataclass(frozen=True)
class RunAnalysis:
    """Gates and gradients of one trained network."""

    config: PalindromeConfig

    digits: list[int]
    """Digits of the example whose gates are recorded."""

    gates: dict[str, Float[Tensor, "T H"]]
    """Gate values of the example by name, units sorted by their mean forget gate; empty for cells without gates."""

    untrained: Norms
    """Mean norm of dL/dh(t), and of the other parts of the state, before training."""

    trained: Norms
    """Mean norm of dL/dh(t), and of the other parts of the state, after training."""

    def as_record(self, label: str) -> dict[str, Any]:
        """JSON of the analysis, as figures and report read it."""
        series = {"gates": self.gates, "untrained": self.untrained, "trained": self.trained}
        lists = {kind: {name: values.tolist() for name, values in group.items()} for kind, group in series.items()}
        return {"label": label, "cell": part_label(self.config.cell), "digits": self.digits, **lists}


def gradient_retention(norms: Mapping[str, Float[Tensor, " T"]]) -> float:
    """Ratio of the gradient norm at the first step (of h or c, the larger) to that of h at the last step."""
    return max(float(part[0]) for part in norms.values()) / float(norms["h"][-1])


def analyze_run(run: str | Path, *, trust_code: bool = False) -> RunAnalysis:
    """Analysis of a trained network, on random palindromes of its length.

    Args:
        run: run folder, file, or name of a shipped network, as for `load_network`.
        trust_code: execute the code that the run keeps, as for `load_network`.

    Raises:
        PalingenError: there is no such network, its files are damaged, or its code is not trusted.
    """
    config, model = load_network(run, trust_code=trust_code)
    count = min(NUM_PALINDROMES, count_palindromes(config.length), max(1, MAX_DIGITS // config.length))
    palindromes = Palindromes(sample_distinct(config.length, count, Generator().manual_seed(config.seed)))
    inputs = encode(palindromes.inputs, config.input_encoding)
    return RunAnalysis(
        config,
        digits=palindromes.inputs[0].tolist(),
        gates=gate_activations(model.recurrent, inputs[:1]),
        untrained=gradient_norms(build_network(config), inputs, palindromes.target),
        trained=gradient_norms(model, inputs, palindromes.target),
    )


@torch.no_grad()
def gate_activations(layer: RecurrentLayer, inputs: Float[Tensor, "1 T I"]) -> dict[str, Float[Tensor, "T H"]]:
    """Gate values at every step, from 0 to 1: equations (2) to (4), and those of the other gated cells.

    Empty for cells without gates, and for a user's, whose step may compute its gates in any way.
    """
    if layer.cell.forget_gate is None or layer.cell not in CELLS.values():
        return {}
    output = layer(inputs)
    initial = layer.expand_initial_state(1) or [torch.zeros(1, layer.hidden_size)] * len(output.states)
    previous = [
        torch.cat([start[None], part[:, :-1]], dim=1) for start, part in zip(initial, output.states, strict=True)
    ]
    stacked = linear(inputs, layer.weight_ih, layer.bias) + linear(previous[0], layer.weight_hh)
    preactivations = dict(zip(layer.cell.gates, stacked[0].chunk(len(layer.cell.gates), dim=-1), strict=True))
    for name, weight in layer.extra_weights.items():
        if name.startswith("p_"):  # the peephole of the output gate sees the new memory, the others the old one
            memory = output.states[1] if name == "p_o" else previous[1]
            preactivations[name[2:]] = preactivations[name[2:]] + weight * memory[0]
    gates = {name: torch.sigmoid(values) for name, values in preactivations.items() if name in SIGMOID_GATES}
    order = gates[layer.cell.forget_gate].mean(0).argsort(descending=True)
    return {name: values[:, order] for name, values in gates.items()}


def gradient_norms(model: SequenceClassifier, inputs: Float[Tensor, "B T I"], target: Tensor) -> Norms:
    """Mean over the sequences of |dL/dh(t)|, L the loss of one sequence, and likewise for the other parts of the state.

    The gradient of h(t) includes every later effect of h(t), but not what c(t) of the same step does, and vice versa.
    """
    layer = model.recurrent
    x_projs = linear(inputs.transpose(0, 1), layer.weight_ih, layer.bias)
    zero_state = (inputs.new_zeros(len(inputs), layer.hidden_size),) * len(layer.cell.state)
    state = layer.expand_initial_state(len(inputs)) or zero_state
    history = []
    for x_proj in x_projs:
        state = layer.cell.step(x_proj, state[0] @ layer.weight_hh.T, state, *layer.weights.extra)
        history.append(state)
    loss = cross_entropy(model.head(state[0]), target, reduction="sum")
    parts = [part for step in history for part in step]
    gradients = torch.autograd.grad(loss, parts, allow_unused=True, materialize_grads=True)
    norms = torch.stack([gradient.norm(dim=1).mean() for gradient in gradients]).view(len(history), -1)
    return dict(zip(layer.cell.state, norms.unbind(1), strict=True))
