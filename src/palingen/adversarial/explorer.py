"""The latent explorer: generators, judge and page in one HTML file that needs no network.

B  images
"""

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from palingen.adversarial.directions import found_by
from palingen.adversarial.export import floats, generator_layers, greys, halves, judge_layers
from palingen.adversarial.images import SIDE, load_images
from palingen.adversarial.judge import Judge, load_judge
from palingen.adversarial.latent import GAP, draw_images, draw_latents, with_classes
from palingen.adversarial.snapshots import Moment
from palingen.adversarial.trained import Trained, load
from palingen.errors import DataError, PalingenError

SHOWN = 25
"""Images of a frame of the training."""

BANK = 1000
"""Training digits carried along to compare with, as many of each class."""

SCALE = 4
"""How much larger than its images a kept grid is (`latent.grid`)."""

FRAMES = 40
"""Grids of a run that are shown at most, evenly chosen."""

MATHS = ("numbers", "convolutions", "generator", "latent", "state")
PANELS = ("mine", "samples", "between", "map", "sliders", "draw", "learning", "trust")


def explorer(models: Sequence[tuple[Trained, str | Path]]) -> str:
    """The page as text.

    Args:
        models: generators and what each was loaded from.

    Raises:
        PalingenError: a generator draws three digits at once, or the explorer does not know its layers.
        DataError: a run's scores or grids are damaged.
    """
    for trained, _ in models:
        if trained.config.channels != 1:
            raise PalingenError(f"{trained.name}: draws three digits at once; the explorer shows generators of one")
    judge, (bank, labels, floor) = load_judge(), _bank()
    parts = [_model(trained, run, judge) for trained, run in models]
    card = {"models": [card for card, _ in parts], "bankLabels": labels, "bankFloor": floor}
    first, *others = [held for _, held in parts]
    rest = {"models": others, "judge": {"layers": judge_layers(judge)}, "bank": greys(bank)}
    place = files("palingen") / "explorer"
    page = (place / "index.html").read_text()
    for name, text in {
        "style": (place / "style.css").read_text(),
        "card": _json(card),
        "first": _json({"models": [first]}),
        "rest": _json(rest),
        "worker": (place / "worker.js").read_text(),
        "maths": "".join((place / f"{name}.js").read_text() for name in MATHS),
        "page": "".join((place / f"{name}.js").read_text() for name in ("explorer", *(f"panels/{p}" for p in PANELS))),
    }.items():
        page = page.replace(f"/* {name} */", text)
    return page


def _model(trained: Trained, run: str | Path, judge: Judge) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the page shows of a generator, and what its worker needs."""
    config, generator = trained.config, trained.generator.cpu()
    directions, guess = found_by(generator, config.latent_dim, config.classes, judge)
    sizes = {"latentDim": config.latent_dim, "classes": config.classes}
    card = {
        "name": trained.name,
        **sizes,
        "scores": _scores(trained, run),
        "directions": [
            {
                "name": found.name,
                "vector": [round(value, 5) for value in found.vector.tolist()],
                "explains": found.explains,
                "effect": found.effect,
            }
            for found in directions
        ],
        "frames": [{"name": name, "images": greys(pixels)} for name, pixels in _frames(trained, run)],
    }
    first = {
        "kind": "linear",
        "before": guess.weight.shape[1],
        "after": config.latent_dim,
        "weight": halves(guess.weight),
        "bias": floats(guess.bias),
    }
    network = {"inputs": config.latent_dim + config.classes, "layers": generator_layers(generator)}
    return card, {**sizes, "network": network, "guess": first}


def _frames(trained: Trained, run: str | Path) -> list[tuple[str, UInt8[Tensor, "25 28 28"]]]:
    """The grids that a run kept, in order; of a shipped generator its three moments, drawn anew."""
    kept = sorted(Path(run).glob("snapshots/step-*.png")) if isinstance(run, Path) else []
    if kept:
        chosen = np.unique(np.linspace(0, len(kept) - 1, FRAMES).round().astype(int))
        return [(f"step {int(kept[i].stem.removeprefix('step-')):,}", _grid(kept[i])) for i in chosen]
    config = trained.config
    labels = torch.arange(SHOWN) % config.classes if config.conditional else None
    shown = with_classes(draw_latents(SHOWN, config.latent_dim, config.seed), labels, config.classes)
    names = {"start": "before training", "middle": "half way", "end": f"after {config.epochs} epochs"}
    return [(names[moment], draw_images(load(run, moment).generator, shown)) for moment in get_args(Moment)]


def _grid(path: Path) -> UInt8[Tensor, "25 28 28"]:
    """The images of a kept grid of five by five."""
    try:
        sheet = np.asarray(Image.open(path).convert("L"))[::SCALE, ::SCALE]
    except OSError as error:
        raise DataError(f"{path}: damaged ({error})") from error
    edge = 5 * (SIDE + GAP) - GAP
    if sheet.shape != (edge, edge):
        raise DataError(f"{path}: no grid of five by five images")
    places = [(row * (SIDE + GAP), column * (SIDE + GAP)) for row in range(5) for column in range(5)]
    return torch.from_numpy(np.stack([sheet[y : y + SIDE, x : x + SIDE] for y, x in places]).copy())


def _scores(trained: Trained, run: str | Path) -> dict[str, Any] | None:
    """What `palingen gan score` found, if it was kept with the generator, and the floor beside it."""
    folder = Path(run) if isinstance(run, Path) else Path(str(files("palingen"))) / "pretrained" / trained.name
    path = folder / "score.json"
    if not path.exists():
        return None
    try:
        kept = json.loads(path.read_text())
        return {"own": {name: value for name, value in kept.items() if name != "rows"}, "floor": kept["rows"]["floor"]}
    except (ValueError, KeyError) as error:
        raise DataError(f"{path}: damaged ({error})") from error


def _bank() -> tuple[UInt8[Tensor, "B 28 28"], list[int], float]:
    """The first training digits of each class, their classes, and how far test digits are from them (median)."""
    training, test = load_images("train"), load_images("t10k").pixels[:500].flatten(1).float()
    rows = torch.cat([(training.labels == digit).nonzero().flatten()[: BANK // 10] for digit in range(10)])
    bank = training.pixels[rows]
    nearest = torch.cdist(test, bank.flatten(1).float()).min(1).values / SIDE / 255
    return bank, training.labels[rows].tolist(), nearest.median().item()


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")  # no tag may end the script it stands in
