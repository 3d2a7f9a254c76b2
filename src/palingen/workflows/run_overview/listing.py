"""Search for run folders and studies."""

from collections.abc import Iterator
from pathlib import Path

from palingen.runtime.errors import RunError
from palingen.runtime.paths import PRETRAINED_DIR, PRETRAINED_PREFIX
from palingen.runtime.validation import unknown_choice
from palingen.workflows.run_overview.run_summary import EXPORTED, read_run_summary
from palingen.workflows.run_overview.study_summary import read_study_summary
from palingen.workflows.run_overview.summary import Summary

RUN_FILES = ("config.json", "records.jsonl", "resume.pt", EXPORTED)
"""Files that make a folder a run, or something that resembles one."""

STUDY_FILE = "study.json"

MAX_DEPTH = 6
"""Folders below the one that is searched; the runs of a reproduction's studies are four below."""


def resolve_run(run: str) -> Path:
    """Folder of a RUN argument: a run, a study, or `pretrained:NAME`.

    Raises:
        RunError: there is none.
    """
    if run.startswith(PRETRAINED_PREFIX):
        shipped = {weights.parent.name: weights.parent for weights in PRETRAINED_DIR.rglob(EXPORTED)}
        name = run.removeprefix(PRETRAINED_PREFIX)
        if name not in shipped:
            raise RunError(f"{run}: {unknown_choice(name, sorted(shipped))}")
        return shipped[name]
    folder = Path(run)
    if not folder.is_dir():
        raise RunError(f"{run}: no such folder")
    if not _is_run(folder) and not _is_study(folder):
        raise RunError(f"{run}: neither a run nor a study (no config.json and no {STUDY_FILE})")
    return folder


def read_summary(folder: Path) -> Summary:
    """Summary of a run folder or a study folder, in any condition."""
    return read_study_summary(folder) if _is_study(folder) else read_run_summary(folder)


def find_runs(folder: Path) -> Iterator[Summary]:
    """Runs and studies in `folder` and below, sorted by path.

    A study stands for its runs, unless it is `folder` itself.

    Raises:
        RunError: there is no such folder.
    """
    if not folder.is_dir():
        raise RunError(f"{folder}: no such folder; train a run first, or name a folder")
    yield from _find(folder, set(), MAX_DEPTH, is_root=True)


def _find(folder: Path, visited: set[tuple[int, int]], depth: int, *, is_root: bool = False) -> Iterator[Summary]:
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in visited:  # a link back
            return
        visited.add((status.st_dev, status.st_ino))
        is_entry = _is_study(folder) or _is_run(folder)
        children = sorted(child for child in folder.iterdir() if not child.name.startswith(".") and child.is_dir())
    except OSError:  # not ours to read
        return
    if is_entry:
        yield read_summary(folder)
    if depth and (not is_entry or (is_root and _is_study(folder))):
        for child in children:
            yield from _find(child, visited, depth - 1)


def _is_run(folder: Path) -> bool:
    return any((folder / name).exists() for name in RUN_FILES)


def _is_study(folder: Path) -> bool:
    return (folder / STUDY_FILE).exists()
