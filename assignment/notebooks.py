"""Execute the notebooks from their sources, and save them with their outputs.

    python assignment/notebooks.py                         both, in full, beside their sources
    python assignment/notebooks.py part1 --epochs 5 --out runs/short

Needs the extra `notebook`. The content of a notebook depends on its source and its results alone: it contains no time,
no path and no name of a machine.
"""

import argparse
import os
import sys
from pathlib import Path

try:
    import jupytext
    import nbformat
    from nbclient import NotebookClient
    from nbformat import NotebookNode
    from nbformat.v4 import new_code_cell
except ImportError as error:
    sys.exit(f"notebooks need {error.name}: pip install 'palingen[notebook]', or make notebooks")

HERE = Path(__file__).resolve().parent

NAMES = ("part1", "part2")

TIMEOUT_S = 3600
"""Maximum duration of a cell, in seconds."""

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def from_source(name: str, epochs: int | None = None) -> NotebookNode:
    """Notebook without outputs, the first code cell of which installs the package; `epochs` overrides its parameter."""
    notebook = jupytext.reads((HERE / f"{name}.py").read_text(), fmt="py:percent")
    install = new_code_cell((HERE / "install.py").read_text().rstrip(), metadata={"tags": ["install"]})
    notebook.cells.insert(1, install)
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for index, cell in enumerate(notebook.cells):
        cell.id = f"{name}-{index:02d}"
        if epochs is not None and "parameters" in cell.metadata.get("tags", []):
            cell.source = f"EPOCHS = {epochs}"
    return notebook


def execute(notebook: NotebookNode, folder: Path = HERE) -> None:
    """Execute all cells of a notebook, which then holds the outputs.

    Args:
        notebook: the notebook.
        folder: working folder.

    Raises:
        CellExecutionError: a cell failed.
    """
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # silences a warning of the debugger
    NotebookClient(
        notebook,
        timeout=TIMEOUT_S,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],  # silences a warning about the kernel's transport
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    notebook.metadata = nbformat.from_dict(METADATA)  # the kernel adds its version


def main() -> None:
    """Execute the notebooks named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME", help="part1, part2; both by default")
    parser.add_argument("--epochs", type=int, help="epochs of the training, instead of the notebook's own number")
    parser.add_argument("--at", type=Path, default=HERE, help="working folder")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to")
    arguments = parser.parse_args()
    if unknown := sorted({*arguments.names} - {*NAMES}):
        parser.error(f"NAME={unknown[0]!r}: must be one of {', '.join(NAMES)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.names:
        notebook = from_source(name, arguments.epochs)
        execute(notebook, arguments.at)
        nbformat.write(notebook, arguments.out / f"{name}.ipynb")
        print(arguments.out / f"{name}.ipynb", flush=True)


if __name__ == "__main__":
    main()
