"""Both laboratories in a few minutes: what each finds, in pictures and on one page."""

from pathlib import Path
from typing import Any

import torch

from palingen import pictures, recipes
from palingen.adversarial import train as adversarial
from palingen.adversarial.between import Walk, between
from palingen.adversarial.trained import load_generator
from palingen.recurrence import train as recurrence
from palingen.report.page import Page


def demo(out: Path, device: torch.device, *, force: bool = False) -> dict[str, Any]:
    """Train four cells and one GAN in `out`, draw what they found, and lay it out on `out/index.html`.

    What is finished already is not done again, unless by `force`.

    Returns:
        `palindromes` and `gan`, the runs' results; `interpolation`, its classes; `page` and `files`, where to look.
    """
    palindromes, memory = _recurrence(out, device, force)
    game, walks, shown = _adversarial(out, device, force)
    page = Page("palingen: both laboratories in a few minutes")
    page.section(
        "How long does a cell remember?",
        "Each network reads a palindrome's digits one by one, all but the last, and must say the last: the first one "
        "it read. Ten in a hundred are right by guessing. Every palindrome of the test was kept out of the training.",
    )
    page.table(
        ("cell", "length", "right on unseen palindromes", "seconds"),
        [(r["cell"], r["length"], f"{100 * r['accuracy']:.1f} %", f"{r['seconds']:.0f}") for r in palindromes],
    )
    page.picture(memory, "Accuracy on unseen palindromes and training loss over the epochs, for each cell and length")
    page.section(
        "What does a generator learn from being told apart?",
        "A generator turns standard normal noise into images; a discriminator learns to tell them from handwritten "
        "digits; each trains against the other. Below: 25 images from the same noise before, half way through and "
        f"after {game['epochs']} epochs (the course's recipe takes 200), the game as it went, and two walks between "
        "digits that an independent classifier puts in different classes.",
    )
    for path, words in shown.items():
        page.picture(path, words)
    page.write(out / "index.html")
    ends = walks["linear"].classes
    return {
        "palindromes": palindromes,
        "gan": game,
        "interpolation": [ends[0], ends[-1]],
        "page": out / "index.html",
        "files": [memory, *shown],
    }


def _recurrence(out: Path, device: torch.device, force: bool) -> tuple[list[dict[str, Any]], Path]:
    results, runs = [], {}
    for config in recipes.DEMO_PALINDROMES:
        folder = out / "palindromes" / f"{config.cell}-T{config.length}"
        results.append({**recurrence.train(config, folder, device, force=force), "folder": folder})
        runs[f"{config.cell} T = {config.length}"] = folder
    return results, pictures.of_palindromes(out / "palindromes", runs)


def _adversarial(
    out: Path, device: torch.device, force: bool
) -> tuple[dict[str, Any], dict[str, Walk], dict[Path, str]]:
    config, folder = recipes.GAN["demo"], out / "gan"
    result = {**adversarial.train(config, folder, device, force=force), "folder": folder}
    generator, _ = load_generator(folder)
    walks = between(generator, config.latent_dim, steps=7, seed=config.seed)
    digits, curves = pictures.of_game(folder, folder)
    ends = walks["linear"].classes
    words = {
        digits: "25 images from the same noise at the start, half way and at the end of training",
        curves: "Both players' losses and the discriminator's accuracy over the epochs",
        pictures.of_walks(out / "interpolation", walks)[0]: f"Linear and spherical walks from a {ends[0]} to a "
        f"{ends[-1]}, each image with its class and the judge's confidence",
    }
    return result, walks, words
