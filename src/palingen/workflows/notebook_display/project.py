"""Folder of the project."""

from pathlib import Path

from palingen.runtime.errors import DataError


def project_folder(start: Path | None = None) -> Path:
    """The nearest folder, from `start` (by default the current one) upwards, that contains `report/runs`.

    Raises:
        DataError: there is none.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "report" / "runs").is_dir():
            return folder
    raise DataError(f"{here}: no report/runs in this folder or above. Open the notebook inside its project.")
