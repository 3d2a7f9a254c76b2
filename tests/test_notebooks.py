"""The committed notebooks have the cells of their sources, which run."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from support import ROOT

from palingen.runtime.errors import DataError
from palingen.workflows.notebook_display import project_folder

sys.path.insert(0, str(ROOT / "assignment"))

import notebooks

COMMITTED = {name: ROOT / "assignment" / f"{name}.ipynb" for name in notebooks.NAMES}

LOGIC = (
    ast.FunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.For,
    ast.While,
    ast.If,
    ast.IfExp,
    ast.Try,
    ast.With,
    ast.comprehension,
)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def figures(notebook):
    return [output for output in outputs(notebook) if "image/png" in output.get("data", {})]


def tables(notebook):
    """Every table among the outputs, as rows of cells, the head first."""
    texts = [output.data["text/markdown"] for output in outputs(notebook) if "text/markdown" in output.get("data", {})]
    rows = [[line.strip("| ").split(" | ") for line in text.splitlines()] for text in texts]
    return [[head, *body] for head, _, *body in rows]


@pytest.fixture(scope="module")
def execute_shortened(tmp_path_factory):
    """Execute a notebook with few epochs, in a project that has nothing but the records."""

    def run(name, epochs, folder):
        project = tmp_path_factory.mktemp(name)
        (project / "report").symlink_to(ROOT / "report")
        (project / "assignment").mkdir()
        script, out = COMMITTED[name].with_name("notebooks.py"), project / "out"
        command = [sys.executable, script, name, "--epochs", epochs, "--at", project / folder, "--out", out]
        done = subprocess.run([str(argument) for argument in command], capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        return nbformat.read(out / f"{name}.ipynb", as_version=4)

    return run


@pytest.mark.parametrize("name", COMMITTED)
def test_a_committed_notebook_has_the_cells_of_its_source(name):
    source, committed = notebooks.from_source(name), nbformat.read(COMMITTED[name], as_version=4)
    assert [(cell.id, cell.cell_type, cell.source, cell.metadata) for cell in committed.cells] == [
        (cell.id, cell.cell_type, cell.source, cell.metadata) for cell in source.cells
    ]


@pytest.mark.parametrize("name", COMMITTED)
def test_a_committed_notebook_was_executed_from_top_to_bottom_without_warnings(name):
    committed = nbformat.read(COMMITTED[name], as_version=4)
    nbformat.validate(committed)
    cells = code_cells(committed)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert {output.output_type for output in outputs(committed)} <= {"execute_result", "display_data"}
    assert len(figures(committed)) >= 4


@pytest.mark.parametrize("name", COMMITTED)
def test_a_committed_notebook_names_no_machine_and_no_time_and_is_below_two_megabytes(name):
    text = COMMITTED[name].read_text()
    assert nbformat.reads(text, as_version=4).metadata == notebooks.METADATA
    assert len(text) < 2_000_000
    for trace in (str(ROOT), str(Path.home()) + "/", "iopub", "\\u001b"):
        assert trace not in text


@pytest.mark.parametrize("name", COMMITTED)
def test_a_notebook_contains_no_logic(name):
    tree = ast.parse(COMMITTED[name].with_suffix(".py").read_text())
    assert [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, LOGIC)] == []


def test_part_1_runs_and_its_lstm_learns(execute_shortened):
    notebook = execute_shortened("part1", 8, "assignment")
    result = next(rows for rows in tables(notebook) if rows[0][:3] == ["cell", "length", "accuracy"])
    assert result[1][:2] == ["lstm", "5"]
    assert float(result[1][2]) > 0.5  # guessing is 0.1
    predictions = next(rows for rows in tables(notebook) if "prediction" in rows[0])
    assert all(digits.split()[0] == target for digits, target, *_ in predictions[1:])
    live, recorded, *_ = [rows for rows in tables(notebook) if rows[0][0] == "T"]
    assert [row[0] for row in live[1:]] == ["5", "10", "20"]
    assert recorded[1][:2] == ["5", "100.0 % (100.0 to 100.0), 5 seeds"]
    assert len(figures(notebook)) == 5


def test_part_2_runs_and_interpolates_between_two_classes(execute_shortened):
    notebook = execute_shortened("part2", 1, ".")
    interpolations = [rows for rows in tables(notebook) if rows[0][0] == "interpolation"]
    assert len(interpolations) == 2  # of the course's generator and of the quality recipe's
    for _, *rows in interpolations:
        assert [row[0] for row in rows] == ["linear", "spherical"]
        for row in rows:
            predictions = [re.fullmatch(r"(\d) \(([\d.]+) %\)", cell).groups() for cell in row[1:]]
            assert len(predictions) == 9
            assert [predictions[0][0], predictions[-1][0]] == ["3", "8"]
            assert float(predictions[0][1]) > 90
    differences = next(rows for rows in tables(notebook) if rows[0] == ["start", "middle", "end"])
    assert max(map(int, differences[1])) <= 3  # from the rounding to half precision
    assert len(figures(notebook)) == 10


def test_the_project_folder_is_found_from_every_folder_in_it_and_from_no_other(tmp_path):
    folders = (ROOT, ROOT / "assignment", ROOT / "assignment" / "part1")
    assert [project_folder(folder) for folder in folders] == [ROOT] * 3
    with pytest.raises(DataError, match="Open the notebook inside its project"):
        project_folder(tmp_path)
