"""Analysis of a trained network: gates over time, the gradient of the loss that reaches each step, and forgetting.

B  sequences      T  steps      I  inputs      H  hidden units
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy, linear, softplus

from palingen.recurrence.cells import CELLS, State
from palingen.recurrence.config import PalindromeConfig, build_network, sample_unseen
from palingen.recurrence.layers import RecurrentLayer, SequenceClassifier
from palingen.recurrence.palindromes import encode
from palingen.recurrence.pretrained import load_network
from palingen.recurrence.recall import Recall, recall_beyond
from palingen.runtime.global_random_state import kept_random_state
from palingen.runtime.json_io import MAX_NUMBER
from palingen.runtime.user_code import part_label

SIGMOID_GATES = ("i", "f", "o", "r", "z")
"""Gates with values from 0 to 1; the candidates g and n are not gates in this sense."""

NUM_PALINDROMES = 64
"""Palindromes over which gradient norms are averaged, if there are as many."""

MAX_DIGITS = 640_000
"""Digits of these palindromes together, at most, unless there is only one: they take some seconds."""

SEGMENT_STEPS = 256
"""Steps whose values are held at the same time for the gradient: about 0.1 GB for 64 sequences and hidden units."""


MAX_RECORDED_STEPS = 100
"""Steps in a record, at most; of longer sequences those near both ends are recorded, and fewer in between."""

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

    half_lives: Float[Tensor, " H"] | None = None
    """Steps after which each unit's forget gates alone leave half of its state, longest first: ln 2 over the mean of
    -ln f(t) after the first step, on the palindrome on which that is longest. None for cells without gates."""

    recall: Sequence[Recall] = ()
    """Accuracy on palindromes of other lengths than that of the training."""

    def as_record(self, label: str) -> dict[str, Any]:
        """JSON of the analysis, as figures and report read it: at most `MAX_RECORDED_STEPS` steps, counted from 1."""
        steps = recorded_steps(len(self.digits))
        gates = {name: values[steps].double().round(decimals=4).tolist() for name, values in self.gates.items()}
        norms = {
            stage: {part: _round(values[steps]) for part, values in group.items()}
            for stage, group in (("untrained", self.untrained), ("trained", self.trained))
        }
        return {
            "label": label,
            "cell": part_label(self.config.cell),
            "length": self.config.length,
            "steps": [step + 1 for step in steps],
            "digits": [self.digits[step] for step in steps],
            "gates": gates,
            **norms,
            "half_lives": [] if self.half_lives is None else _round(self.half_lives.clamp(max=MAX_NUMBER)),
            "recall": [asdict(recall) for recall in self.recall],
        }


def recorded_steps(num_steps: int) -> list[int]:
    """Indices of the steps of a sequence that are recorded: all, or logarithmically spaced ones from both ends."""
    if num_steps <= MAX_RECORDED_STEPS:
        return list(range(num_steps))
    half = np.geomspace(1, num_steps / 2, MAX_RECORDED_STEPS // 2).astype(int) - 1
    return sorted({*half.tolist(), *(num_steps - 1 - half).tolist()})


def _round(values: Float[Tensor, " N"]) -> list[float]:
    """Numbers with five significant digits."""
    return [float(f"{value:.5g}") for value in values.tolist()]


def analyze_run(run: str | Path, *, trust_code: bool = False) -> RunAnalysis:
    """Analysis of a trained network, on random palindromes of its length; after an offline training, on test ones.

    Args:
        run: run folder, file, or name of a shipped network, as for `load_network`.
        trust_code: execute the code that the run keeps, as for `load_network`.

    Raises:
        PalingenError: there is no such network, its files are damaged, or its code is not trusted.
    """
    config, model = load_network(run, trust_code=trust_code)
    palindromes = sample_unseen(config, config.length, NUM_PALINDROMES, MAX_DIGITS)
    inputs = encode(palindromes.inputs, config.input_encoding)
    with kept_random_state():
        untrained = build_network(config)
    return RunAnalysis(
        config,
        digits=palindromes.inputs[0].tolist(),
        gates=gate_activations(model.recurrent, inputs[:1]),
        untrained=gradient_norms(untrained, inputs, palindromes.target),
        trained=gradient_norms(model, inputs, palindromes.target),
        half_lives=half_lives(model.recurrent, inputs),
        recall=recall_beyond(model, config),
    )


@torch.no_grad()
def gate_activations(layer: RecurrentLayer, inputs: Float[Tensor, "1 T I"]) -> dict[str, Float[Tensor, "T H"]]:
    """Gate values at every step, from 0 to 1: equations (2) to (4), and those of the other gated cells.

    Empty for cells without gates, and for a user's, whose step may compute its gates in any way.
    """
    gates = {name: torch.sigmoid(values) for name, values in _gate_inputs(layer, inputs).items()}
    if not gates:
        return {}
    order = gates[str(layer.cell.forget_gate)].mean(0).argsort(descending=True)
    return {name: values[:, order] for name, values in gates.items()}


@torch.no_grad()
def half_lives(layer: RecurrentLayer, inputs: Float[Tensor, "B T I"]) -> Float[Tensor, " H"] | None:
    """Steps after which the forget gates alone leave half of each unit's state, longest first.

    Of several sequences the one counts in which they leave most, since a unit may keep some inputs and not others.
    None for cells without gates, and for sequences of a single step.
    """
    if inputs.shape[1] == 1 or not _gate_inputs(layer, inputs[:1, :1]):
        return None
    forget_gate = str(layer.cell.forget_gate)
    gates = (_gate_inputs(layer, sequence)[forget_gate][1:].double() for sequence in inputs.split(1))
    rates = [softplus(-values).mean(0) for values in gates]  # -ln f, precise where f rounds to 1
    return (math.log(2) / torch.stack(rates).amin(0)).sort(descending=True).values


def _gate_inputs(layer: RecurrentLayer, inputs: Float[Tensor, "1 T I"]) -> dict[str, Float[Tensor, "T H"]]:
    """Arguments of the sigmoids of the gates at every step; empty where `gate_activations` is."""
    if layer.cell.forget_gate is None or layer.cell not in CELLS.values():
        return {}
    output = layer(inputs)
    initial = layer.expand_initial_state(1) or [torch.zeros(1, layer.hidden_size)] * len(output.states)
    previous = [
        torch.cat([start[None], part[:, :-1]], dim=1) for start, part in zip(initial, output.states, strict=True)
    ]
    stacked = linear(inputs, layer.weight_ih, layer.bias) + linear(previous[0], layer.weight_hh)
    gate_inputs = dict(zip(layer.cell.gates, stacked[0].chunk(len(layer.cell.gates), dim=-1), strict=True))
    for name, weight in layer.extra_weights.items():
        if name.startswith("p_"):  # the peephole of the output gate sees the new memory, the others the old one
            memory = output.states[1] if name == "p_o" else previous[1]
            gate_inputs[name[2:]] = gate_inputs[name[2:]] + weight * memory[0]
    return {name: values for name, values in gate_inputs.items() if name in SIGMOID_GATES}


def gradient_norms(model: SequenceClassifier, inputs: Float[Tensor, "B T I"], target: Tensor) -> Norms:
    """Mean over the sequences of |dL/dh(t)|, L the loss of one sequence, and likewise for the other parts of the state.

    The gradient of h(t) includes every later effect of h(t), but not what c(t) of the same step does; that of c(t)
    includes its effect through h(t).
    The sequence is divided into segments, from whose first states they are computed again, the last one first. Between
    two segments the gradient is scaled to the order of one, since thousands of steps may exceed the range of float32.
    """
    layer, parts = model.recurrent, len(model.recurrent.cell.state)
    segments = inputs.split(SEGMENT_STEPS, dim=1)
    starts = _segment_starts(layer, segments)
    norms: list[Tensor] = []
    gradients: tuple[Tensor, ...] = ()
    scale = 1.0
    for segment, start in zip(reversed(segments), reversed(starts), strict=True):
        states = _unroll(layer, segment, start)
        outputs: Sequence[Tensor] = states[-parts:]
        if not gradients:  # the last segment
            outputs = [cross_entropy(model.head(outputs[0]), target, reduction="sum")]
        by_step = torch.autograd.grad(
            outputs, [*start, *states], gradients or None, allow_unused=True, materialize_grads=True
        )
        # in double precision, in which the squares of tiny gradients are no zeros
        means = torch.stack([gradient.double().norm(dim=1).mean() for gradient in by_step[parts:]])
        norms.insert(0, (scale * means).clamp(max=MAX_NUMBER).view(-1, parts))
        size = max(float(gradient.abs().max()) for gradient in by_step[:parts]) or 1.0
        gradients, scale = tuple(gradient / size for gradient in by_step[:parts]), min(scale * size, MAX_NUMBER)
    return dict(zip(layer.cell.state, torch.cat(norms).unbind(1), strict=True))


@torch.no_grad()
def _segment_starts(layer: RecurrentLayer, segments: Sequence[Tensor]) -> list[State]:
    """State before each segment [B, S, I], as leaves of a graph."""
    zero_state = (segments[0].new_zeros(len(segments[0]), layer.hidden_size),) * len(layer.cell.state)
    states = [layer.expand_initial_state(len(segments[0])) or zero_state]
    for segment in segments[:-1]:
        states.append(layer.final_state(segment, states[-1]))
    return [tuple(part.detach().clone().requires_grad_() for part in state) for state in states]


def _unroll(layer: RecurrentLayer, segment: Float[Tensor, "B S I"], state: State) -> list[Float[Tensor, "B H"]]:
    """Parts of the state at every step of a segment, one step after the other."""
    history: list[Tensor] = []
    for x_proj in linear(segment.transpose(0, 1), layer.weight_ih, layer.bias):
        state = layer.cell.step(x_proj, state[0] @ layer.weight_hh.T, state, *layer.weights.extra)
        history.extend(state)
    return history
