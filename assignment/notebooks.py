"""The notebooks from their sources, executed, outputs kept.

    python assignment/notebooks.py                         both, in full, beside their sources
    python assignment/notebooks.py part1 --epochs 5 --out runs/short

Needs the extra `notebook`. What a notebook holds depends on its source and its results alone: no time, place or person.
"""

import argparse
import os
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

HERE = Path(__file__).resolve().parent

NAMES = ("part1", "part2")

TIMEOUT = 3600
"""Seconds that a cell may take."""

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def from_source(name: str, epochs: int | None = None) -> NotebookNode:
    """A notebook without outputs; `epochs`, if given, takes the place of its one parameter."""
    notebook = jupytext.reads((HERE / f"{name}.py").read_text(), fmt="py:percent")
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for place, cell in enumerate(notebook.cells):
        cell.id = f"{name}-{place:02d}"
        if epochs is not None and "parameters" in cell.metadata.get("tags", []):
            cell.source = f"EPOCHS = {epochs}"
    return notebook


def execute(notebook: NotebookNode, folder: Path = HERE) -> None:
    """Run all cells in `folder`, which is or lies in a project's; the outputs stay in the notebook.

    Raises:
        CellExecutionError: a cell failed.
    """
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # nobody debugs here; it would warn
    NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],  # no word about transport within one machine
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    notebook.metadata = nbformat.from_dict(METADATA)  # the kernel adds its version


def main() -> None:
    """Execute the notebooks asked for."""
    parser = argparse.ArgumentParser(description="The notebooks from their sources, executed, outputs kept.")
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME", help="part1, part2; both if left out")
    parser.add_argument("--epochs", type=int, help="a shorter (or longer) training than the notebook's own")
    parser.add_argument("--at", type=Path, default=HERE, help="folder to run in, within a project's")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to")
    asked = parser.parse_args()
    if unknown := sorted({*asked.names} - {*NAMES}):
        parser.error(f"{unknown[0]!r} is none of {', '.join(NAMES)}")
    asked.out.mkdir(parents=True, exist_ok=True)
    for name in asked.names:
        notebook = from_source(name, asked.epochs)
        execute(notebook, asked.at)
        nbformat.write(notebook, asked.out / f"{name}.ipynb")
        print(asked.out / f"{name}.ipynb", flush=True)


if __name__ == "__main__":
    main()
