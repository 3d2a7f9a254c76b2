"""Inputs of the typst template: values, tables, figures and images of the records, as files in one folder.

Figure NAME of the template has the label `fig-NAME`, table NAME the label `tab-NAME`.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxtyping import UInt8
from matplotlib.figure import Figure
from numpy import ndarray

from palingen.report import figures
from palingen.report.architecture_diagram import boxes
from palingen.report.figures.gan import grid
from palingen.report.record_files import Record
from palingen.report.records import Records, Strip
from palingen.report.results import collect_tables, collect_values
from palingen.report.results.gan_scores import controls
from palingen.runtime.image_io import png_bytes, tile

TEMPLATE = Path(__file__).parent / "template"

SCALE = 4
"""Pixels of the report for one pixel of an image."""

MONITORED = ("public-script", "residual-fast", "residual", "residual-unconditional")
"""Recipes whose monitored scores are drawn. `residual-game` and `residual-long` are the run of `residual` for most of
their epochs."""


def write_inputs(folder: Path, records: Records, author: str) -> None:
    """Write the template and everything it reads to an empty folder.

    Raises:
        DataError: a record contradicts the text.
    """
    shutil.copytree(TEMPLATE, folder, dirs_exist_ok=True)
    plots = paper_figures(records)
    data = template_data(records, author, list(plots))
    (folder / "data.json").write_text(json.dumps(data, ensure_ascii=False))
    for name, figure in plots.items():
        (folder / f"{name}.svg").write_bytes(figures.svg(figure))
    for name, pixels in images(records).items():
        (folder / f"{name}.png").write_bytes(png_bytes(tile(pixels[None], columns=1, scale=SCALE)))


def template_data(records: Records, author: str, plots: Sequence[str]) -> dict[str, Any]:
    """Everything the template knows of the records.

    Args:
        records: the records.
        author: line under the title.
        plots: names of the plots that were drawn.

    Returns:
        `values` and `tables` by key; `figures`, names of those that there are records for; `has`, whether there are
        records of each kind; `architectures`, boxes of both networks by recipe; `interpolations`, classes and
        confidences by recipe and name; `author`.
    """
    networks = records.model_summary["gan"] if records.model_summary else {}
    return {
        "values": {key: vars(value) for key, value in collect_values(records).items()},
        "tables": {name: table.as_json() for name, table in collect_tables(records).items()},
        "figures": [*plots, *_other_figures(records)],
        "has": available(records),
        "architectures": {recipe: boxes(summary) for recipe, summary in networks.items()},
        "interpolations": {
            recipe: {name: _predictions(strip) for name, strip in gan.interpolations.items()}
            for recipe, gan in records.gans.items()
        },
        "author": author,
    }


def available(records: Records) -> dict[str, bool]:
    """Whether there are records of each kind, and whether recipe memory has an orthogonal initialisation."""
    memory = records.memory
    return {
        "palindromes": bool(records.palindromes),
        "memory": memory is not None,
        "ablations": bool(records.ablations),
        "orthogonal-recipe": bool(memory and memory.config.get("orthogonal_init")),
        "analysis": {"lstm", "rnn"} <= {analysis["cell"] for analysis in records.analysis},
        "gans": bool(records.gans),
        "course": "course" in records.gans,
        "residual": "residual" in records.gans,
        "scores": bool(controls(records.gans)),
        "interpolations": any(gan.interpolations for gan in records.gans.values()),
        "variants": records.variants is not None,
        "stacked": records.stacked is not None,
    }


def studies(records: Records) -> dict[str, Sequence[Record]]:
    """Results of the palindrome runs by title."""
    by_title: dict[str, Sequence[Record]] = {
        "The course's settings": [run.result for run in records.palindromes],
        "Recipe memory": [*records.memory.runs, *records.memory.diverged] if records.memory else [],
    }
    return {title: results for title, results in by_title.items() if results}


def paper_figures(records: Records) -> dict[str, Figure]:
    """Plots of the report, by name: those that there are records for."""
    style = figures.PAPER
    plots: dict[str, Figure] = {}
    if results := studies(records):
        plots["accuracy"] = figures.accuracy_by_length(results, style)
    if records.palindromes:
        plots["learning"] = figures.learning_curves(records.palindromes, style)
    if records.memory_analysis:
        plots["memory-span"] = figures.memory_span(records.memory_analysis, style)
    if records.analysis:
        plots["gradients"] = figures.gradients(records.analysis, style)
    if any(analysis["gates"] for analysis in records.analysis):
        plots["gates"] = figures.gates(records.analysis, style)
    if course := records.gans.get("course"):
        plots["gan-curves"] = figures.gan_curves(course.run.records, style)
    monitored = {recipe: records.gans[recipe].run.of("monitor") for recipe in MONITORED if recipe in records.gans}
    if monitored := {recipe: monitor for recipe, monitor in monitored.items() if monitor}:
        plots["monitor"] = figures.monitor_curves(monitored, style)
    if records.variants:
        floor = controls(records.gans).get("floor", {}).get("fd")
        plots["variants"] = figures.variants(records.variants.runs, style, metrics=("fd",), floor=floor)
    return plots


def images(records: Records) -> dict[str, UInt8[ndarray, "H W"]]:
    """Grids of the GANs' snapshots, and single images of their interpolations, by name."""
    grids_and_strips: dict[str, UInt8[ndarray, "H W"]] = {}
    for recipe, gan in records.gans.items():
        grids_and_strips |= {f"{recipe}-{stage}": grid(pixels) for stage, pixels in gan.snapshots.items()}
        for name, strip in gan.interpolations.items():
            grids_and_strips |= {f"{recipe}-{name}-{index}": pixels for index, pixels in enumerate(strip.pixels)}
    if records.stacked:
        grids_and_strips["stacked-end"] = grid(records.stacked.snapshots["end"])
    return grids_and_strips


def _other_figures(records: Records) -> list[str]:
    """Names of the figures that the template lays out itself: those that there are records for."""
    return [
        *(f"architecture-{recipe}" for recipe in (records.model_summary or {}).get("gan", {})),
        *(f"snapshots-{recipe}" for recipe in records.gans),
        *(f"interpolation-{recipe}" for recipe, gan in records.gans.items() if gan.interpolations),
        *(["snapshots-stacked"] if records.stacked else []),
    ]


def _predictions(strip: Strip) -> list[dict[str, str]]:
    return [{"class": str(label), "confidence": f"{100 * confidence:.0f} %"}
            for label, confidence in zip(strip.classes, strip.confidences, strict=True)]  # fmt: skip
