"""What the laboratories made, laid out as picture files: the one place where runs meet figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from palingen.adversarial.between import Walk
from palingen.adversarial.latent import grid
from palingen.adversarial.snapshots import read_moments, write_array, write_png
from palingen.files import write_json
from palingen.recurrence.inside import Inside
from palingen.report import figures
from palingen.report.comparison import comparison
from palingen.runs import read_records


def of_palindromes(folder: Path, runs: Mapping[str, Path]) -> Path:
    """Draw the curves of some finished runs, by label; the file."""
    path = folder / "curves.png"
    figures.save(path, figures.palindrome_curves({label: read_records(run) for label, run in runs.items()}))
    return path


def of_memory(folder: Path, results: Sequence[Mapping[str, Any]]) -> Path:
    """Draw how often each cell is right over the palindromes' lengths, from a study's results; the file."""
    path = folder / "memory.png"
    figures.save(path, figures.memory({"Right on unseen palindromes": results}))
    return path


def of_inside(folder: Path, looks: Mapping[str, Inside]) -> list[Path]:
    """Draw gates and gradients of some runs, by label, and keep the numbers; the files."""
    runs = as_records(looks)
    files = [folder / "inside.png", folder / "inside.json"]
    figures.save(files[0], figures.inside(runs))
    write_json(files[1], runs)
    return files


def as_records(looks: Mapping[str, Inside]) -> list[dict[str, Any]]:
    """What was seen inside some runs, by label, as `figures.inside` reads it."""
    return [
        {
            "label": label,
            "cell": look.config.cell,
            "digits": look.digits,
            **{
                kind: {name: values.tolist() for name, values in getattr(look, kind).items()}
                for kind in ("gates", "before", "after")
            },
        }
        for label, look in looks.items()
    ]


def of_game(folder: Path, run: Path) -> list[Path]:
    """Draw the digits at three moments of a finished GAN run, and its curves; the files."""
    digits, curves = folder / "moments.png", folder / "curves.png"
    figures.save(digits, figures.moments(read_moments(run)))
    figures.save(curves, figures.game_curves(read_records(run)))
    return [digits, curves]


def of_comparison(folder: Path, results: Sequence[Mapping[str, Any]]) -> Path:
    """Draw what the arms of a comparison reached; the file."""
    path = folder / "comparison.png"
    figures.save(path, comparison(results))
    return path


def of_walks(folder: Path, walks: Mapping[str, Walk]) -> list[Path]:
    """Draw all walks as one labelled figure, then each as a plain strip and an array, with the verdicts; the files."""
    files = [folder / "interpolation.png", folder / "verdicts.json"]
    figures.save(files[0], figures.walks(as_strips(walks)))
    verdicts = {name: {"classes": walk.classes, "confidences": walk.confidences} for name, walk in walks.items()}
    write_json(files[1], verdicts)
    for name, walk in walks.items():
        files += [folder / f"{name}.png", folder / f"{name}.npy"]
        write_png(files[-2], grid(walk.pixels, columns=len(walk.pixels)))
        write_array(files[-1], walk.pixels)
    return files


def as_strips(walks: Mapping[str, Walk]) -> dict[str, figures.Strip]:
    """Walks, by name, as `figures.walks` reads them."""
    return {name: (walk.pixels.numpy(), walk.classes, walk.confidences) for name, walk in walks.items()}
