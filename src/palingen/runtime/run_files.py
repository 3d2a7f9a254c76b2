"""Files of a run folder, read again: config, environment, records and result. Reads without torch."""

from pathlib import Path
from typing import Any, TypeVar

from palingen.runtime.config_io import describe_changes, parse_config
from palingen.runtime.errors import RunError
from palingen.runtime.json_io import read_json, read_json_lines
from palingen.runtime.safetensors_header import load_metadata

Config = TypeVar("Config")

ADVICE = "force=True trains the run anew"
"""What to do about a damaged file of a run."""

STUDY_RESULT_FILE = "result.json"
"""Result of a GAN's run in a study: its score, or why it diverged."""

DIVERGED_FILE = "diverged.json"
"""Result of a palindrome run that diverged in a study. It counts as long as the run has no weights."""

WRITTEN_BY_RUNS = ("environment.json", "records.jsonl", "resume.pt")
"""Files whose presence tells a damaged run from the config.json of another program."""


def run_contents(folder: Path) -> list[Path]:
    """Contents of the folder of a run; none, if it is a new one.

    Raises:
        RunError: the folder holds something else.
    """
    contents = [path for path in folder.iterdir() if not path.name.startswith(".")]
    if contents and not (folder / "config.json").exists():
        raise RunError(f"{folder}: not empty and not a run folder; choose another folder")
    return contents


def read_config(folder: Path, kind: type[Config]) -> Config:
    """Config of the run in `folder`, which must be of class `kind`.

    Raises:
        RunError: there is no run, or it is of another kind.
        DataError: its config is damaged.
    """
    path = _require_run(folder) / "config.json"
    return parse_config(read_json(path, advice=ADVICE), kind, path)


def require_same_run(folder: Path, config: Any) -> None:
    """Check that the run in `folder` has this config.

    Raises:
        RunError: it has other settings, is of another kind, or there is no run.
        DataError: its config is damaged.
    """
    if changes := describe_changes(read_config(folder, type(config)), config):
        raise RunError(f"{folder}: holds a run with other settings ({changes}); force=True replaces it")


def require_same_config(config: Any, weights: Path) -> None:
    """Check that a weights file was written by a run with this config.

    Raises:
        RunError: the weights are missing or damaged, or of a run with another config.
    """
    if parse_config(load_metadata(weights), type(config), weights) != config:
        raise RunError(f"{weights}: written by a run with other settings than config.json beside it; {ADVICE}")


def read_records(folder: Path | str) -> list[dict[str, Any]]:
    """All records of a run, oldest first.

    Raises:
        RunError: there is no run.
        DataError: there are none, or the file is damaged.
    """
    path = _require_run(Path(folder)) / "records.jsonl"
    return read_json_lines(path, {"kind": str}, advice=ADVICE)


def read_result(folder: Path) -> dict[str, Any]:
    """Result record of a finished run.

    Raises:
        RunError: there is no run, or it is not finished.
        DataError: its records are damaged.
    """
    results = [record for record in read_records(folder) if record["kind"] == "result"]
    if not results:
        raise RunError(f"{folder / 'records.jsonl'}: holds no result; {ADVICE}")
    return results[-1]


def read_environment(folder: Path) -> dict[str, Any]:
    """Environment of a run, as JSON.

    Raises:
        RunError: there is no run.
        DataError: there is none, or the file is damaged.
    """
    environment: dict[str, Any] = read_json(_require_run(folder) / "environment.json", {...: object}, advice=ADVICE)
    return environment


def diverged_files(study: Path) -> list[Path]:
    """Result files of those palindrome runs of a study that diverged."""
    return [path for path in study.glob(f"*/{DIVERGED_FILE}") if not path.with_name("weights.safetensors").exists()]


def snapshot_path(folder: Path, step: int) -> Path:
    """Picture of a run after a step."""
    return folder / "snapshots" / f"step-{step:07d}.png"


def list_snapshots(folder: Path) -> dict[int, Path]:
    """Pictures of a run by their step, in order."""
    steps = {path.stem.removeprefix("step-"): path for path in sorted((folder / "snapshots").glob("step-*.png"))}
    return {int(step): path for step, path in steps.items() if step.isdecimal()}  # others are copies by hand


def _require_run(folder: Path) -> Path:
    if not (folder / "config.json").exists():
        raise RunError(f"{folder}: not a run folder (no config.json)")
    return folder
