"""Comparison of reproduced records with the reference."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from palingen.report.record_shapes import SCORE_FILE
from palingen.runtime.json_io import read_json
from palingen.runtime.run_files import read_result
from palingen.workflows.reproduce.steps import read_studies

Values = Mapping[str, float]
"""The compared number of each run, by the name of its folder."""


def compare_records(reference: Path, out: Path) -> list[dict[str, Any]]:
    """Largest difference between reproduced and reference values, for each step that has values.

    Args:
        reference: folder of the reference records.
        out: folder of the reproduced records.

    Returns:
        For each step: `step`, its name; `runs` and `of`, the number of reproduced and of reference values;
        `largest_difference`, the maximum of their absolute differences.
    """
    reference_values, rows = _values_by_step(reference), []
    for step, values in _values_by_step(out).items():
        expected = reference_values[step]
        difference = max((abs(value - expected[run]) for run, value in values.items()), default=0.0)
        rows.append({"step": step, "runs": len(values), "of": len(expected), "largest_difference": difference})
    return rows


def _values_by_step(runs: Path) -> dict[str, Values]:
    """Test accuracies of palindromes, Frechet distances of GAN studies and norms, discriminator accuracies of GANs."""
    folders = sorted((runs / "palindromes").glob("*-*"))
    values: dict[str, Values] = {"palindromes": {folder.name: read_result(folder)["accuracy"] for folder in folders}}
    for name, study in read_studies(runs).items():
        finished = [run for run in study["runs"] if run.get("score", True)]  # None: the run diverged
        values[name] = {Path(run["folder"]).name: _study_value(run) for run in finished}
    for folder in sorted(runs.glob("gan-*")):
        result = read_result(folder)
        values[folder.name] = {side: result[f"{side}_accuracy"] for side in ("real", "fake")}
    if scores := sorted(runs.glob("max-latent-norm/*/score.json")):
        values["max-latent-norm"] = {path.parent.name: read_json(path, SCORE_FILE)["fd"] for path in scores}
    return values


def _study_value(run: Mapping[str, Any]) -> float:
    value: float = run["score"]["fd"] if "score" in run else run["accuracy"]
    return value
