"""Folders that a notebook reads and writes, wherever it is opened."""

from pathlib import Path

from palingen.runtime.project import find_project, report_folder


def records_folder() -> Path:
    """Folder of the records of the report, which an installed package contains."""
    return report_folder() / "runs"


def output_folder(name: str) -> Path:
    """Folder `runs/notebooks/NAME` of the project if the notebook is opened in it, or else of the current folder."""
    return (find_project() or Path.cwd()) / "runs" / "notebooks" / name
