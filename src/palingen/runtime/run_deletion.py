"""Deletion of a run by `force`, which a kill at any time leaves as an unfinished run that `force` can replace."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from palingen.runtime.config_io import OLD_ENDING
from palingen.runtime.errors import DataError, RunError
from palingen.runtime.json_io import read_json
from palingen.runtime.run_files import DIVERGED_FILE, STUDY_RESULT_FILE, WRITTEN_BY_RUNS

DELETED_FIRST = (STUDY_RESULT_FILE, DIVERGED_FILE, "weights.safetensors", "resume.pt")
"""Files that say that a run is scored or finished, or how far it is, in the order in which they are deleted: a kill in
between leaves an unscored or unfinished run."""


KIND_ENDINGS = ("Config", OLD_ENDING)
"""Endings of the `kind` in every config.json of a run."""


def require_own_run(folder: Path) -> None:
    """Check that the config.json in a folder is a run's, before the folder is emptied: other programs have one too.

    Raises:
        RunError: it is another program's.
    """
    kind = ""
    with suppress(DataError):
        kind = read_json(folder / "config.json", {"kind": str})["kind"]
    if not kind.endswith(KIND_ENDINGS) and not any((folder / name).exists() for name in WRITTEN_BY_RUNS):
        message = "its config.json is of another program, so that nothing is deleted; choose another folder"
        raise RunError(f"{folder}: {message}")


def delete_run(folder: Path, contents: list[Path]) -> None:
    """Delete the contents of a run folder but its config, without which it is nobody's. Links are not followed."""
    for path in [*(folder / name for name in DELETED_FIRST), *contents]:
        if path.name != "config.json" and os.path.lexists(path):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
