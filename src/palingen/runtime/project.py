"""Project's folder, of which an installed package contains its own modules and the report's records."""

from importlib.metadata import version
from pathlib import Path

from palingen.runtime.errors import DataError
from palingen.runtime.paths import PACKAGE_DIR, PROJECT_DIR


def is_project(folder: Path) -> bool:
    """Whether a folder is the project's: a checkout, or an unpacked source archive or hand-in."""
    return (folder / "pyproject.toml").is_file() and (folder / "src" / "palingen").is_dir()


def find_project(start: Path | None = None) -> Path | None:
    """The nearest project's folder, from `start` (by default the current folder) upwards; None if there is none."""
    here = (start or Path.cwd()).resolve()
    return next((folder for folder in (here, *here.parents) if is_project(folder)), None)


def project_folder() -> Path:
    """Project's folder that the package is used from, else the nearest one from the current folder upwards.

    Raises:
        DataError: there is none.
    """
    folder = PROJECT_DIR if is_project(PROJECT_DIR) else find_project()
    if folder is None:
        release = version("palingen")
        raise DataError(
            f"{Path.cwd()}: not in the project's folder, whose files are needed. Unpack its source archive "
            f"palingen-{release}.tar.gz, which `make wheel` builds beside the wheel, and run the command there."
        )
    return folder


def report_folder() -> Path:
    """Folder whose `runs` holds the records of the report: the project's, or the copy in an installed package."""
    return (PROJECT_DIR if is_project(PROJECT_DIR) else PACKAGE_DIR) / "report"
