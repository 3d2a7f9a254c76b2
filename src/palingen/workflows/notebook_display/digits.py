"""Digits in a notebook: snapshots, interpolations, scores.

B  images
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure
from numpy import ndarray

from palingen.gan.pretrained import load_generator
from palingen.gan.sampling.interpolation import Interpolation
from palingen.gan.sampling.snapshots import NUM_IMAGES, SnapshotStage
from palingen.report import figures
from palingen.report.record_shapes import SCORE_FILE
from palingen.runtime.json_io import read_json
from palingen.runtime.paths import PRETRAINED_DIR
from palingen.workflows.notebook_display.markup import Markdown, format_percent, table
from palingen.workflows.run_figures import as_strips


def generate_snapshots(
    run: str | Path, count: int = NUM_IMAGES, seed: int = 0
) -> dict[str, UInt8[ndarray, "B 28 width"]]:
    """Images of a generator at the start, the middle and the end of its training, from the same latents.

    A class-conditional generator makes its classes in turn.
    """
    snapshots = {}
    for stage in get_args(SnapshotStage):
        generator = load_generator(run, stage)
        labels = generator.labels(count, seed, range(generator.num_classes)) if generator.num_classes else None
        snapshots[stage] = generator.pixels(count, seed, labels).numpy()
    return snapshots


def max_difference(
    snapshots: Mapping[str, UInt8[ndarray, "..."]], others: Mapping[str, UInt8[ndarray, "..."]]
) -> Markdown:
    """Largest difference between two sets of snapshots, in grey levels, for each stage."""
    return table(
        [{stage: int(np.abs(pixels.astype(int) - others[stage]).max()) for stage, pixels in snapshots.items()}]
    )


def interpolation_figure(interpolations: Mapping[str, Interpolation]) -> Figure:
    """Interpolations by name, one row each, with class and confidence under every image."""
    return figures.interpolations(as_strips(interpolations))


def endpoints(interpolations: Mapping[str, Interpolation]) -> dict[str, Interpolation]:
    """The two endpoints, which all interpolations share."""
    interpolation = next(iter(interpolations.values()))
    ends = [0, len(interpolation.classes) - 1]
    selection = replace(
        interpolation,
        pixels=interpolation.pixels[ends],
        classes=[interpolation.classes[end] for end in ends],
        confidences=[interpolation.confidences[end] for end in ends],
    )
    return {"endpoints": selection}


def prediction_table(interpolations: Mapping[str, Interpolation]) -> Markdown:
    """Class and confidence of every image of some interpolations."""
    rows: list[dict[str, Any]] = []
    for name, interpolation in interpolations.items():
        images = enumerate(zip(interpolation.labels, interpolation.confidences, strict=True), 1)
        rows.append({"interpolation": name, **{str(n): f"{label} ({format_percent(p)})" for n, (label, p) in images}})
    return table(rows)


def score_table(*names: str) -> Markdown:
    """Scores of shipped generators, where there are some; real images, the floor, come last."""
    paths = {name: PRETRAINED_DIR / name / "score.json" for name in names}
    scores = {name: read_json(path, SCORE_FILE) for name, path in paths.items() if path.exists()}
    floor = next(iter(scores.values()))["rows"]["floor"]
    columns = ("n", "fd", "precision", "recall", "coverage", "class_tv")
    return table(
        [
            {"images": name, **{column: row[column] for column in columns}}
            for name, row in {**scores, "real digits (floor)": floor}.items()
        ]
    )
