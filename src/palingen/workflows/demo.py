"""Demo: trains recurrent cells and a GAN in a few minutes, and shows both results on one page."""

from pathlib import Path
from typing import Any, TypedDict

import torch

from palingen import recipes
from palingen.gan.pretrained import load_generator
from palingen.gan.sampling.interpolation import Interpolation
from palingen.gan.train import train_gan
from palingen.recurrence.study import run_name
from palingen.recurrence.train import train_palindrome
from palingen.report.html import Page
from palingen.runtime.tracking.trackers import Trackers
from palingen.workflows import run_figures


class Options(TypedDict):
    """Options of every training."""

    force: bool
    allow_engine_change: bool
    trackers: Trackers


def demo(
    out: Path, device: torch.device, *, force: bool = False, allow_engine_change: bool = False, trackers: Trackers = ()
) -> dict[str, Any]:
    """Train four recurrent cells and one GAN in `out`, and write the results to `out/index.html`.

    Finished runs are not repeated, and interrupted ones resume.

    Args:
        out: folder of all files.
        device: where to train.
        force: delete the runs in `out`, and train again.
        allow_engine_change: resume runs even if engine, threads or device differ.
        trackers: logs of each run beside its own records.

    Returns:
        `palindromes` and `gan`, the result records with their run folders; `interpolation`, the endpoints' classes;
        `page`, the HTML file; `files`, the figures.

    Raises:
        PalingenError: `out` holds other runs, or the GAN makes only one class.
        Interrupted: Ctrl-C; everything is saved.
    """
    options: Options = {"force": force, "allow_engine_change": allow_engine_change, "trackers": trackers}
    page = Page("palingen demo: palindromes and digits in a few minutes")
    palindromes = _train_cells(out / "palindromes", device, options)
    palindrome_files = _add_palindromes(page, out / "palindromes", palindromes)
    gan, interpolations = _train_gan(out / "gan", device, options)
    gan_files = _add_gan(page, out, gan, interpolations)
    page.write(out / "index.html")
    classes = interpolations["linear"].classes
    return {
        "palindromes": palindromes,
        "gan": gan,
        "interpolation": [classes[0], classes[-1]],
        "page": out / "index.html",
        "files": [*palindrome_files, *gan_files],
    }


def _train_cells(out: Path, device: torch.device, options: Options) -> list[dict[str, Any]]:
    results = []
    for config in recipes.DEMO_PALINDROMES:
        folder = out / run_name(config)
        results.append({**train_palindrome(config, folder, device, **options), "folder": folder})
    return results


def _train_gan(folder: Path, device: torch.device, options: Options) -> tuple[dict[str, Any], dict[str, Interpolation]]:
    config = recipes.GAN["demo"]
    result = {**train_gan(config, folder, device, **options), "folder": folder}
    return result, load_generator(folder).interpolate(steps=7, seed=config.seed)


def _add_palindromes(page: Page, folder: Path, results: list[dict[str, Any]]) -> list[Path]:
    """Write the figure of the palindrome runs, and describe them on the page; return the figure."""
    figure = run_figures.palindrome_figure(
        folder, {f"{result['cell']} T = {result['length']:,}": result["folder"] for result in results}
    )
    page.section(
        "How long does a cell remember?",
        "Each network reads all digits of a palindrome but the last, one at a time, and predicts the last digit, which "
        "is the first one that it read. Guessing is right in 10 % of the cases. No palindrome of the test was used "
        "for training.",
    )
    page.table(
        ("cell", "length", "accuracy on unseen palindromes", "seconds"),
        [(run["cell"], run["length"], f"{100 * run['accuracy']:.1f} %", f"{run['seconds']:.0f}") for run in results],
    )
    page.picture(figure, "Accuracy on unseen palindromes and training loss over the epochs, for each cell and length")
    return [figure]


def _add_gan(page: Page, out: Path, result: dict[str, Any], interpolations: dict[str, Interpolation]) -> list[Path]:
    """Write the figures of the GAN and its interpolations, and describe them on the page; return the figures."""
    snapshots, curves = run_figures.gan_figures(out / "gan", out / "gan")
    interpolation, *_ = run_figures.interpolation_figures(out / "interpolation", interpolations)
    classes = interpolations["linear"].classes
    captions = {
        snapshots: "25 images from the same latents at the start, half way and at the end of the training",
        curves: "Losses of generator and discriminator, and accuracy of the discriminator, over the epochs",
        interpolation: f"Linear and spherical interpolation from a {classes[0]} to a {classes[-1]}, with the predicted "
        "class of each image and the classifier's confidence",
    }
    page.section(
        "A generator of digits",
        "The generator turns standard normal latents into images. The discriminator learns to distinguish them from "
        "handwritten digits. Each is trained against the other. Below: images from the same latents before, half way "
        f"through and after {result['epochs']} epochs (the course's recipe takes 200), the training curves, and two "
        "interpolations between digits that a separately trained classifier assigns to different classes.",
    )
    for path, caption in captions.items():
        page.picture(path, caption)
    return list(captions)
