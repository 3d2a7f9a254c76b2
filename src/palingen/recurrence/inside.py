"""What happens in a cell over time: its gates, and how much of the loss's gradient reaches each step.

B  sequences      T  steps      I  inputs      H  hidden units
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy, linear

from palingen.recurrence.experiment import PalindromeRun, network
from palingen.recurrence.network import Classifier, Recurrent
from palingen.recurrence.palindromes import Palindromes, distinct_palindromes, encode
from palingen.runs import read_config
from palingen.weights import load_weights

SHOWN = ("i", "f", "o", "r", "z")
"""The gates that open and close; the candidates g and n are none."""

LOOKED_AT = 64
"""Palindromes over which gradients are averaged."""


@dataclass(frozen=True)
class Inside:
    """One run, looked into."""

    config: PalindromeRun
    digits: list[int]
    """What the network read in the example whose gates are shown."""

    gates: dict[str, Float[Tensor, "T H"]]
    """Of that example, by name, units in the order of how long they remember; empty for a cell without gates."""

    before: dict[str, Float[Tensor, " T"]]
    """Mean norm of dL/dh(t), and of every other part of the state, with the first weights."""

    after: dict[str, Float[Tensor, " T"]]
    """The same with the trained ones."""


def kept(norms: Mapping[str, Float[Tensor, " T"]]) -> float:
    """How much of the gradient at the last h is left at the first step, in the part of the state that has most."""
    return max(float(part[0]) for part in norms.values()) / float(norms["h"][-1])


def load_network(folder: Path) -> tuple[PalindromeRun, Classifier]:
    """The trained network of a run.

    Raises:
        RunError: there is no finished run of this kind.
    """
    config = read_config(folder, PalindromeRun)
    model = network(config)
    model.load_state_dict(load_weights(folder / "weights.safetensors"))
    return config, model


def look(folder: Path) -> Inside:
    """Look into a finished run, with palindromes of its length.

    Raises:
        RunError: there is no finished run of this kind.
    """
    config, trained = load_network(folder)
    count = min(LOOKED_AT, 10 ** min(config.length, 6) // 10)
    palindromes = Palindromes(distinct_palindromes(config.length, count, Generator().manual_seed(config.seed)))
    inputs = encode(palindromes.seen, config.encoding)
    return Inside(
        config,
        palindromes.seen[0].tolist(),
        gates(trained.recurrent, inputs[:1]),
        gradient_norms(network(config), inputs, palindromes.target),
        gradient_norms(trained, inputs, palindromes.target),
    )


@torch.no_grad()
def gates(layer: Recurrent, inputs: Float[Tensor, "1 T I"]) -> dict[str, Float[Tensor, "T H"]]:
    """How far each gate is open at every step, from 0 to 1; equations (2) to (4) and their like in other cells."""
    ran = layer(inputs)
    first = layer.start(1) or [torch.zeros(1, layer.hidden)] * len(ran.states)
    past = [torch.cat([start[None], part[:, :-1]], dim=1) for start, part in zip(first, ran.states, strict=True)]
    sums = linear(inputs, layer.input_weight, layer.bias) + linear(past[0], layer.hidden_weight)
    blocks = dict(zip(layer.cell.gates, sums[0].chunk(len(layer.cell.gates), dim=-1), strict=True))
    for name, weight in layer.extras.items():
        if name.startswith("p_"):  # a peephole: the output gate sees the new memory, the others the old one
            seen = ran.states[1] if name == "p_o" else past[1]
            blocks[name[2:]] = blocks[name[2:]] + weight * seen[0]
    opened = {name: torch.sigmoid(block) for name, block in blocks.items() if name in SHOWN}
    if layer.cell.remembers is None:
        return {}
    order = opened[layer.cell.remembers].mean(0).argsort(descending=True)
    return {name: gate[:, order] for name, gate in opened.items()}


def gradient_norms(model: Classifier, inputs: Float[Tensor, "B T I"], target: Tensor) -> dict[str, Float[Tensor, " T"]]:
    """Mean over the sequences of |dL/dh(t)|, L the loss of one sequence, and the same for every part of the state.

    Each h(t) counts with all that it changes later; the parts of one step are looked at as if the others stayed.
    """
    layer = model.recurrent
    x_parts = linear(inputs.transpose(0, 1), layer.input_weight, layer.bias)
    now = layer.start(len(inputs)) or (inputs.new_zeros(len(inputs), layer.hidden),) * len(layer.cell.state)
    history = []
    for x_part in x_parts:
        now = layer.cell.step(x_part, now[0] @ layer.hidden_weight.T, now, *layer.weights.extras)
        history.append(now)
    loss = cross_entropy(model.readout(now[0]), target, reduction="sum")
    flat = [part for step in history for part in step]
    found = torch.autograd.grad(loss, flat, allow_unused=True, materialize_grads=True)
    norms = torch.stack([gradient.norm(dim=1).mean() for gradient in found]).view(len(history), -1)
    return dict(zip(layer.cell.state, norms.unbind(1), strict=True))
