"""What does a loss, a setting, a network change? The same budget for each, several seeds, the same measure."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from palingen.adversarial.experiment import GanRun, LossName
from palingen.adversarial.measured import measure
from palingen.adversarial.score import yardstick
from palingen.adversarial.train import train
from palingen.adversarial.trained import load
from palingen.config import check_value
from palingen.errors import Diverged
from palingen.files import write_json
from palingen.runs import read_config
from palingen.workers import Workers, each

EVERYWHERE = ("seed", "epochs", "engine")
"""Fields that tell one arm from another by nothing but chance, length or speed."""


@dataclass(frozen=True)
class Arm:
    """One run of a comparison."""

    recipe: str
    config: GanRun
    changes: Mapping[str, Any]
    """What differs from the recipe, by field."""

    @property
    def label(self) -> str:
        """What to call it."""
        return ", ".join([self.recipe, *(f"{name} {value}" for name, value in self.changes.items())])

    @property
    def folder(self) -> str:
        """The name of the run's own folder."""
        return f"{re.sub(r'[^a-z0-9.-]+', '-', self.label.replace('_', '-'))}-seed{self.config.seed}"


def plan(recipe: str, own: GanRun, wanted: GanRun, losses: Sequence[LossName], seeds: int) -> list[Arm]:
    """Every run of a comparison.

    Args:
        recipe: its name.
        own: what the recipe says.
        wanted: what is to be run.
        losses: tried in place of its own; none keeps it.
        seeds: of each loss, 0, 1, ...
    """
    check_value("seeds", seeds, seeds >= 1, "at least 1")
    check_value("data", wanted.data, wanted.data != "stacked", "measured like this; a single run's score is")
    configs = [
        replace(wanted, loss=loss, seed=seed)
        for loss in dict.fromkeys(losses or [wanted.loss])
        for seed in range(seeds)
    ]
    return [Arm(recipe, config, _changes(own, config)) for config in configs]


def _changes(own: GanRun, config: GanRun) -> dict[str, Any]:
    theirs = asdict(own)
    return {name: value for name, value in asdict(config).items() if value != theirs[name] and name not in EVERYWHERE}


def study(
    arms: Sequence[Arm], out: Path, device: torch.device, workers: Workers, *, force: bool = False
) -> Iterator[dict[str, Any]]:
    """Train and score every arm in its folder under `out`; their results, as they come.

    One that is finished is not run again, one that was stopped goes on: the same study again completes it. A loss that
    is no longer a number ends its run, and is a result too: its `score` is None.

    Raises:
        PalingenError: the backend is not to be had, or a worker died.
        Interrupted: Ctrl-C; everything is saved.
    """
    return each(partial(_one, out.resolve(), str(device), force), arms, out, workers)


def finished(out: Path) -> list[dict[str, Any]]:
    """The results of all finished runs under `out`, of earlier studies too, by label and seed."""
    results = [
        {**json.loads(path.read_text()), "config": asdict(read_config(path.parent, GanRun))}
        for path in out.glob("*/result.json")
    ]
    return sorted(results, key=lambda result: (result["label"], result["seed"]))


def _one(out: Path, device: str, force: bool, arm: Arm) -> dict[str, Any]:
    folder = out / arm.folder
    kept = folder / "result.json"
    if kept.exists() and not force:
        return json.loads(kept.read_text())
    result: dict[str, Any] = {
        "recipe": arm.recipe,
        "changes": dict(arm.changes),
        "label": arm.label,
        "folder": arm.folder,
        "seed": arm.config.seed,
        "epochs": arm.config.epochs,
    }
    try:
        result["seconds"] = train(arm.config, folder, torch.device(device), force=force)["seconds"]
        result["score"] = asdict(measure(load(folder), yardstick()))
    except Diverged as error:
        result |= {"seconds": None, "score": None, "stopped": str(error)}
    write_json(kept, result)
    return result
