"""Figures of runs and studies as files, with the numbers beside them: reads runs, calls `palingen.report.figures`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from palingen.gan.sampling.interpolation import Interpolation
from palingen.gan.sampling.snapshots import SCALE, read_snapshots
from palingen.recurrence.analysis import RunAnalysis
from palingen.report import figures
from palingen.report.record_files import read_run_records
from palingen.runtime.atomic_io import write_json
from palingen.runtime.image_io import tile, write_array, write_png
from palingen.runtime.json_io import read_json


def palindrome_figure(folder: Path, runs: Mapping[str, Path]) -> Path:
    """Write the training curves of palindrome runs.

    Args:
        folder: where to write `curves.png`.
        runs: run folders by label.
    """
    path = folder / "curves.png"
    records = {label: read_run_records(run, "PalindromeConfig") for label, run in runs.items()}
    figures.save(path, figures.palindrome_curves(records))
    return path


def study_figure(folder: Path, results: Sequence[Mapping[str, Any]]) -> Path:
    """Write the accuracy of each cell over the length of the palindromes.

    Args:
        folder: where to write `accuracy_by_length.png`.
        results: result records of a palindrome study.
    """
    path = folder / "accuracy_by_length.png"
    figures.save(path, figures.accuracy_by_length({"Accuracy on unseen palindromes": results}))
    return path


def analysis_figure(folder: Path, analyses: Mapping[str, RunAnalysis]) -> list[Path]:
    """Write gates, gradients and recall of palindrome runs as figures and as JSON.

    Args:
        folder: where to write `analysis.png`, `memory_span.png` and `analysis.json`.
        analyses: analyses by label.
    """
    records = [analysis.as_record(label) for label, analysis in analyses.items()]
    files = [folder / "analysis.png", folder / "memory_span.png", folder / "analysis.json"]
    figures.save(files[0], figures.gates_and_gradients(records))
    figures.save(files[1], figures.memory_span(records))
    write_json(files[2], records, indent=None)  # thousands of numbers
    return files


def gan_figures(folder: Path, run: Path) -> list[Path]:
    """Write the snapshots at the start, half way and the end of a GAN run, and its training curves.

    Args:
        folder: where to write `snapshots.png` and `curves.png`.
        run: folder of a finished run.

    Raises:
        DataError: a snapshot or the records are missing or damaged.
    """
    files = [folder / "snapshots.png", folder / "curves.png"]
    figures.save(files[0], figures.snapshots(read_snapshots(run)))
    config = read_json(run / "config.json", {"loss": object, "discriminator_loss_weight": float})
    levels = {"loss": config["loss"], "loss_weight": config["discriminator_loss_weight"]}
    figures.save(files[1], figures.gan_curves(read_run_records(run, "GanConfig"), **levels))
    return files


def variants_figure(folder: Path, results: Sequence[Mapping[str, Any]]) -> Path:
    """Write the scores of the variants of a GAN study.

    Args:
        folder: where to write `variants.png`.
        results: result records of the study.
    """
    path = folder / "variants.png"
    figures.save(path, figures.variants(results))
    return path


def interpolation_figures(folder: Path, interpolations: Mapping[str, Interpolation]) -> list[Path]:
    """Write interpolations: one labelled figure, the predictions as JSON, and each as a strip of images and an array.

    Args:
        folder: where to write `interpolation.png`, `predictions.json`, and `NAME.png` and `NAME.npy` of each.
        interpolations: interpolations by name.
    """
    files = [folder / "interpolation.png", folder / "predictions.json"]
    figures.save(files[0], figures.interpolations(as_strips(interpolations)))
    predictions = {
        name: {"classes": interpolation.labels, "confidences": interpolation.confidences}
        for name, interpolation in interpolations.items()
    }
    write_json(files[1], predictions)
    for name, interpolation in interpolations.items():
        pixels = interpolation.pixels.numpy()
        files += [folder / f"{name}.png", folder / f"{name}.npy"]
        write_png(files[-2], tile(pixels, columns=len(pixels), scale=SCALE))
        write_array(files[-1], pixels)
    return files


def as_strips(interpolations: Mapping[str, Interpolation]) -> dict[str, figures.Strip]:
    """Interpolations as `figures.interpolations` reads them."""
    return {
        name: figures.Strip(interpolation.pixels.numpy(), interpolation.labels, interpolation.confidences)
        for name, interpolation in interpolations.items()
    }
