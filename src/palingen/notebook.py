"""What the notebooks in `assignment/` call: the project's folder, its records, and tables that show themselves.

B  palindromes or images      T  length of a palindrome
"""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from statistics import mean
from textwrap import dedent
from typing import Any, get_args

import numpy as np
import torch
from jaxtyping import UInt8
from numpy import ndarray
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from torch import nn

from palingen.adversarial.between import Walk
from palingen.adversarial.snapshots import Moment
from palingen.adversarial.trained import SHIPPED, load
from palingen.errors import DataError
from palingen.recurrence.inside import Inside, kept
from palingen.recurrence.network import Classifier
from palingen.recurrence.palindromes import Encoding, Palindromes, encode
from palingen.runs import read_records


class Words(str):
    """Markdown; as the last value of a notebook's cell it is shown as what it means."""

    def _repr_markdown_(self) -> str:
        return str(self)


class Code(str):
    """Python; as the last value of a notebook's cell it is shown in colours, wherever the notebook is read."""

    def _repr_html_(self) -> str:
        box = "background: #f7f7f7; color: #222; padding: 0.6em 0.8em"
        look = HtmlFormatter(noclasses=True, nobackground=True, prestyles=f"font-family: monospace; {box}")
        return str(highlight(self, PythonLexer(), look))


def project(start: Path | None = None) -> Path:
    """The project's folder: the nearest one, from `start` (the current folder) upwards, that holds `report/runs`.

    Raises:
        DataError: there is none.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "report" / "runs").is_dir():
            return folder
    raise DataError(
        f"{here}: neither here nor above is a folder with report/runs; open the notebook inside its project"
    )


def results(runs: Path) -> list[dict[str, Any]]:
    """The results of all kept runs in a folder, the shortest palindromes first.

    Raises:
        DataError: there are none.
    """
    found = [read_records(path.parent)[-1] for path in runs.glob("*/records.jsonl")]
    if not found:
        raise DataError(f"{runs}: no runs here")
    return sorted(found, key=lambda result: (result["length"], result["cell"], result["seed"]))


def table(rows: Sequence[Mapping[str, Any]], *columns: str) -> Words:
    """Rows as a table, of some columns or of all that the first row has."""
    names = columns or tuple(rows[0])
    lines = [names, ["---"] * len(names), *([_said(row.get(name)) for name in names] for row in rows)]
    return Words("\n".join(f"| {' | '.join(cells)} |" for cells in lines))


def reached(runs: Sequence[Mapping[str, Any]]) -> Words:
    """Of each length and cell, the share of right answers: mean, and from the worst to the best seed."""
    cells = sorted({run["cell"] for run in runs})
    rows = []
    for length in sorted({run["length"] for run in runs}):
        row: dict[str, Any] = {"T": length}
        for cell in cells:
            shares = [run["accuracy"] for run in runs if (run["length"], run["cell"]) == (length, cell)]
            row[cell] = _spread(shares) if shares else ""
        rows.append(row)
    return table(rows)


def settings(config: Any, *names: str) -> Words:
    """Some fields of a config, one a line."""
    return table([{"setting": f"`{name}`", "value": getattr(config, name)} for name in names])


def compared(configs: Mapping[str, Any]) -> Words:
    """The fields in which some configs of one kind differ."""
    rows = [
        {"setting": f"`{field.name}`", **{name: getattr(config, field.name) for name, config in configs.items()}}
        for field in fields(next(iter(configs.values())))
    ]
    return table([row for row in rows if len({row[name] for name in configs}) > 1])


def source(*things: Callable[..., Any]) -> Code:
    """The code of functions and classes, as it runs."""
    texts = [dedent(inspect.getsource(inspect.unwrap(thing))).rstrip() for thing in things]
    return Code("\n\n\n".join(texts))


def weights(model: nn.Module) -> Words:
    """A network's weights by name, with shape and count."""
    rows = [
        {"weights": f"`{name}`", "shape": " x ".join(map(str, weight.shape)), "numbers": weight.numel()}
        for name, weight in model.named_parameters()
    ]
    return table([*rows, {"weights": "together", "shape": "", "numbers": sum(row["numbers"] for row in rows)}])


@torch.no_grad()
def answers(
    palindromes: Palindromes, count: int, model: Classifier | None = None, encoding: Encoding = "scalar"
) -> Words:
    """The first palindromes: what is read, what must be said, and what a network says to it, (8) as its confidence."""
    some = Palindromes(palindromes.digits[:count])
    rows = [
        {"it reads": " ".join(map(str, seen.tolist())), "it must say": int(target)}
        for seen, target in zip(some.seen, some.target, strict=True)
    ]
    if model is not None:
        confidences, said = model(encode(some.seen, encoding)).softmax(1).max(1)
        for row, digit, confidence in zip(rows, said.tolist(), confidences.tolist(), strict=True):
            row |= {"it says": digit, "confidence": _percent(confidence)}
    return table(rows)


def gradient_kept(looks: Mapping[str, Inside]) -> Words:
    """How much of the gradient at the last hidden state is left at the first step, before and after training."""
    rows = []
    for label, look in looks.items():
        rows.append({"run": label, "untrained": f"{kept(look.before):.2g}", "trained": f"{kept(look.after):.2g}"})
    return table(rows)


def moments(run: str | Path, count: int = 25, seed: int = 0) -> dict[str, UInt8[ndarray, "B 28 width"]]:
    """Images of a run's generator at the start, the middle and the end, from the same latents, drawn from its weights.

    A class-conditional generator is asked for the ten digits in turn.
    """
    drawn = {}
    for moment in get_args(Moment):
        trained = load(run, moment)
        labels = trained.labels(count, seed, range(10)) if trained.config.conditional else None
        drawn[moment] = trained.pixels(count, seed, labels).numpy()
    return drawn


def difference(one: Mapping[str, UInt8[ndarray, "..."]], other: Mapping[str, UInt8[ndarray, "..."]]) -> Words:
    """The largest difference between two sets of images of the same moments, in grey levels."""
    return table([{name: int(np.abs(pixels.astype(int) - other[name]).max()) for name, pixels in one.items()}])


def ends(walks: Mapping[str, Walk]) -> dict[str, Walk]:
    """Only the two images between which all walks lead."""
    walk = next(iter(walks.values()))
    two = [0, len(walk.classes) - 1]
    kept = replace(
        walk,
        pixels=walk.pixels[two],
        classes=[walk.classes[place] for place in two],
        confidences=[walk.confidences[place] for place in two],
    )
    return {"ends": kept}


def verdicts(walks: Mapping[str, Walk]) -> Words:
    """The class of every image of some walks, with the judge's confidence."""
    said = {
        name: [f"{label} ({_percent(sure)})" for label, sure in zip(walk.classes, walk.confidences, strict=True)]
        for name, walk in walks.items()
    }
    return table(
        [{"walk": name, **{str(place): one for place, one in enumerate(row, 1)}} for name, row in said.items()]
    )


def scores(*names: str) -> Words:
    """What `palingen gan score` found of shipped generators, where it was kept; real images (the floor) come last."""
    kept = {name: SHIPPED / name / "score.json" for name in names}
    found = {name: json.loads(path.read_text()) for name, path in kept.items() if path.exists()}
    floor = next(iter(found.values()))["rows"]["floor"]
    columns = ("n", "fd", "precision", "recall", "coverage", "class_tv")
    return table(
        [
            {"images of": name, **{column: row[column] for column in columns}}
            for name, row in {**found, "real digits (the floor)": floor}.items()
        ]
    )


def _said(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _spread(shares: Sequence[float]) -> str:
    if len(shares) == 1:
        return f"{_percent(shares[0])}, 1 seed"
    return f"{_percent(mean(shares))} ({100 * min(shares):.1f} to {100 * max(shares):.1f}), {len(shares)} seeds"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
