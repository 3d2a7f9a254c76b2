"""Data of the memory page: networks at stages of their training, their configs and their scores."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor

from palingen.recurrence.cells import CELLS
from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.export import SCORE_FILE
from palingen.recurrence.layers import SequenceClassifier
from palingen.recurrence.pretrained import PRETRAINED_NETWORKS, load_network, shipped_networks
from palingen.runtime.errors import PalingenError
from palingen.runtime.json_io import read_json
from palingen.runtime.paths import PRETRAINED_PREFIX
from palingen.runtime.run_files import read_config, read_environment, read_result
from palingen.runtime.user_code import part_label
from palingen.web.encode import encode_float16, encode_float32

ORDER = ("lstm-memory", "gru-memory", "rnn-memory", "lstm", "gru", "rnn")
"""Order of the shipped networks on the page; the first one is shown first."""

SCORE = {
    "epochs": {"middle": int, "end": int}, "lengths": [int], "n": [int], "commands": [str], "environment": dict,
    "seeds": [{"seed": int, "accuracy": float, "epoch": int, "steps": int, "seconds": float, "by_length": [float]}],
}  # fmt: skip
"""Shape of the scores of a shipped network."""


LINK_CHARACTERS = r"[^-\w.]+"
"""What a link to the page cannot hold in the name of a network, as in maths/state.js."""

MAX_LINK_NAME = 56
"""Longest name there, less a number."""


@dataclass(frozen=True)
class PageNetwork:
    """A trained network with the stages of its training. Made by `page_network`."""

    name: str
    origin: Literal["shipped", "run"]
    config: PalindromeConfig

    stages: list[tuple[str, SequenceClassifier]]
    """Networks with their names, in the order of the training."""

    score: dict[str, Any]
    """Accuracy over seeds and lengths, and how the network was made, as `palingen palindrome export` writes it."""


def page_network(run: str | Path) -> PageNetwork:
    """Network of `pretrained:NAME` or of a run folder.

    Raises:
        PalingenError: there is no such network, its files are damaged, or the page cannot compute its cell.
    """
    name = str(run).removeprefix(PRETRAINED_PREFIX)
    is_shipped = str(run).startswith(PRETRAINED_PREFIX)
    run = run if is_shipped else Path(run)
    if isinstance(run, Path) and (cell := read_config(run, PalindromeConfig).cell) not in CELLS:
        raise PalingenError(f"{run}: the page computes {', '.join(CELLS)}, and not {part_label(cell)}")
    config, end = load_network(run)
    _, start = load_network(run, "start")
    if not is_shipped:
        stages = [("before training", start), ("after training", end)]
        return PageNetwork(Path(run).resolve().name, "run", config, stages, _read_result(Path(run)))
    score = _read_score(PRETRAINED_NETWORKS / name / SCORE_FILE)
    _, middle = load_network(run, "middle")
    epochs = score["epochs"]
    names = ("before training", f"after {_count(epochs['middle'])}", f"after {_count(epochs['end'])}")
    return PageNetwork(name, "shipped", config, list(zip(names, (start, middle, end), strict=True)), score)


def shipped_runs() -> list[str]:
    """Every shipped network as a RUN argument, in the order of the page."""
    return [f"{PRETRAINED_PREFIX}{name}" for name in ORDER if name in shipped_networks()]


def memory_data(networks: Sequence[PageNetwork]) -> list[dict[str, Any]]:
    """JSON value of the page: every network with its weights, under a name of its own."""
    return [
        {
            "name": name,
            "origin": network.origin,
            "config": {"kind": type(network.config).__name__, **asdict(network.config)},
            "stages": [
                {"name": stage, "network": network_json(network.config, model)} for stage, model in network.stages
            ],
            "score": network.score,
        }
        for name, network in zip(_link_names(networks), networks, strict=True)
    ]


def _link_names(networks: Sequence[PageNetwork]) -> list[str]:
    """Name of each network in menus and links: its own without what a link cannot hold; equal ones get a number."""
    names: list[str] = []
    for network in networks:
        name = re.sub(LINK_CHARACTERS, "-", network.name, flags=re.ASCII)[:MAX_LINK_NAME]
        candidates = (name, *(f"{name}-{number}" for number in range(2, len(networks) + 1)))
        names.append(next(candidate for candidate in candidates if candidate not in names))
    return names


def network_json(config: PalindromeConfig, model: SequenceClassifier) -> dict[str, Any]:
    """One network: its cell, its sizes, and its weights in base64 by name."""
    return {
        "cell": config.cell,
        "inputSize": model.recurrent.input_size,
        "hiddenSize": config.hidden_size,
        "parameters": {name: _encode(weight) for name, weight in model.state_dict().items()},
    }


def _encode(weight: Float[Tensor, "..."]) -> dict[str, str]:
    """Float16 where that is exact, as for shipped weights, else float32."""
    if weight.half().float().equal(weight):
        return {"float16": encode_float16(weight)}
    return {"float32": encode_float32(weight)}


def _read_score(path: Path) -> dict[str, Any]:
    score: dict[str, Any] = read_json(path, SCORE)
    return score


def _read_result(folder: Path) -> dict[str, Any]:
    """Score of a single run, from its records: its accuracy, at no other length."""
    result = read_result(folder)
    environment = {name: value for name, value in read_environment(folder).items() if value is not None}
    measured = {name: result[name] for name in ("seed", "accuracy", "epoch", "steps", "seconds")}
    command = environment.pop("command", None)
    return {
        "seeds": [{**measured, "by_length": []}],
        "lengths": [],
        "n": [],
        "commands": [command] if command else [],
        "environment": environment,
    }


def _count(epochs: int) -> str:
    return f"{epochs} epoch{'s' * (epochs != 1)}"
