"""A trained generator by the measuring protocol."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from palingen.adversarial.score import SAMPLES, Score, Yardstick
from palingen.adversarial.trained import Trained


def measure(trained: Trained, real: Yardstick, count: int = SAMPLES, seed: int = 0) -> Score:
    """Its images against the real ones; a class-conditional one is asked for classes as often as they occur."""
    labels = trained.labels(count, seed)
    return real.score(real.judge.look(trained.pixels(count, seed, labels)), labels)


def beside_references(trained: Trained, real: Yardstick, count: int = SAMPLES, seed: int = 0) -> dict[str, Score]:
    """The same, first of all by its name, then the floor and the images spoilt on purpose."""
    return {trained.name: measure(trained, real, count, seed), **real.references(count)}


def as_record(rows: Mapping[str, Score], seed: int) -> dict[str, Any]:
    """What `score.json` holds: the first row's numbers, the floor's distance, and every row."""
    own = next(iter(rows.values()))
    told = {**asdict(own), "fd_floor": rows["floor"].fd, "seed": seed}
    return {**told, "rows": {name: asdict(row) for name, row in rows.items()}}
