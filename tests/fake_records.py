"""Records for tests of the report: parts of the committed ones, and small invented ones of the same form."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from support import ROOT

from palingen.report.records import GanRecords, RunRecords, Strip, StudyRecords

RUNS = ROOT / "report" / "runs"

PALINDROME_CONFIG = {
    "kind": "PalindromeConfig",
    "epochs": 100,
    "lr_step_epochs": 100,
    "max_grad_norm": 10.0,
    "train_fraction": 0.8,
}


def link_subset(folder: Path, *patterns: str) -> Path:
    """A report's folder whose runs/ holds links to the committed records that match; returns the folder."""
    (folder / "runs").mkdir(parents=True)
    for pattern in patterns:
        paths = sorted(RUNS.glob(pattern))
        assert paths, pattern
        for path in paths:
            link = folder / "runs" / path.relative_to(RUNS)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
    return folder


def palindrome_run(
    cell: str, length: int, test_accuracies: Sequence[float], *, seed: int = 0, accuracy: float = 1.0
) -> RunRecords:
    """A run of recipe course with one epoch for each test accuracy."""
    epochs = [
        {"kind": "epoch", "epoch": epoch, "loss": 2.3 / epoch, "gradient_norm": 1.0, "test_accuracy": value}
        for epoch, value in enumerate(test_accuracies, 1)
    ]
    result = {"kind": "result", "cell": cell, "length": length, "seed": seed, "accuracy": accuracy, "loss": 1e-8}
    name = f"runs/palindromes/{cell}-T{length}-seed{seed}"
    return RunRecords(name, PALINDROME_CONFIG, {}, [*epochs, {**result, "epoch": 1, "seconds": 60.0}])


def palindrome_study(
    *results: tuple[str, int, float | None, int], config: Mapping[str, Any] | None = None
) -> StudyRecords:
    """A study of palindromes; each result is cell, length, accuracy and steps. A run without accuracy diverged."""
    runs = [
        {"cell": cell, "length": length, "seed": seed, "accuracy": accuracy, "steps": steps, "seconds": 2.0}
        for seed, (cell, length, accuracy, steps) in enumerate(results)
    ]
    ended, diverged = ([run for run in runs if (run["accuracy"] is None) == value] for value in (False, True))
    return StudyRecords("runs/memory/study.json", config or {}, ended, diverged)


def gan_run(
    steps: Sequence[tuple[float, float, float]], *, score: Mapping[str, Any] | None = None, **config: Any
) -> GanRecords:
    """A GAN's run; each step is epoch, accuracy on real and accuracy on fake images."""
    records = [
        {"kind": "step", "epoch": epoch, "generator_loss": 1.5, "discriminator_loss": 1.0,
         "real_accuracy": real, "fake_accuracy": fake}
        for epoch, real, fake in steps
    ]  # fmt: skip
    result = {**records[-1], "kind": "result", "epochs": 200, "seconds": 600.0}
    environment = {"threads": 2}
    config = {"kind": "GanConfig", "epochs": 200, "latent_dim": 100, "save_interval": 500, "seed": 0, **config}
    run = RunRecords("runs/gan-course", config, environment, [*records, result])
    pixels = np.zeros((25, 28, 28), np.uint8)
    return GanRecords(run, dict.fromkeys(("start", "middle", "end"), pixels), score, "runs/gan-course/score.json")


def gan_score(fd: float, **metrics: Any) -> dict[str, Any]:
    """Score of a generator."""
    score = {"n": 10_000, "fd": fd, "kid": 20.0, "precision": 0.9, "recall": 0.8, "density": 0.9, "coverage": 0.7}
    score |= {"class_tv": 0.2, "mean_confidence": 0.97, "nearest_train_ratio": 1.0, "class_accuracy": None}
    score |= {
        "fd_second": fd / 10,
        "fd_training": fd / 2,
        "low_confidence_fraction": 0.05,
        "fd_floor": 2.0,
        "fd_floor_std": 0.3,
        "floor_subsets": 10,
    }
    rows = {"floor": {**score, "fd": 2.0, "std": {}}}
    return {
        **score,
        "fd_second_floor": 0.2,
        "low_confidence_reference": 0.015,
        "low_confidence_threshold": 0.9,
        "reference": "test",
        "repeats": 1,
        "max_latent_norm": None,
        "std": {},
        "rows": rows,
        **metrics,
    }


def variant_results(
    recipe: str, overrides: Mapping[str, Any], distances: Sequence[float | None], *, epochs: int = 10
) -> list[dict[str, Any]]:
    """Results of one variant of a GAN study, one a seed; None is a run that diverged."""
    return [
        {"recipe": recipe, "overrides": overrides, "label": recipe, "seed": seed, "epochs": epochs, "seconds": 60.0,
         "score": None if fd is None else gan_score(fd)}
        for seed, fd in enumerate(distances)
    ]  # fmt: skip


def strip(classes: Sequence[int], confidences: Sequence[float]) -> Strip:
    """An interpolation of black images."""
    return Strip(np.zeros((len(classes), 28, 28), np.uint8), list(classes), list(confidences))


def analysis(cell: str, untrained: Sequence[float], trained: Sequence[float], forget: Any = None) -> dict[str, Any]:
    """Analysis of one cell: gradient norms of its memory by step, and forget gates [steps, units]."""
    part = {"lstm": "c"}.get(cell, "h")
    gates = {} if forget is None else {"f": forget}
    steps = list(range(1, len(untrained) + 1))
    return {"label": f"{cell} T = {len(untrained) + 1}", "cell": cell, "length": len(steps) + 1, "steps": steps,
            "digits": steps, "gates": gates, "untrained": {part: list(untrained)}, "trained": {part: list(trained)},
            "half_lives": [], "recall": []}  # fmt: skip
