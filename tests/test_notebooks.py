"""Documents execute: the notebooks are their sources' cells, and run from them."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT

from palingen.errors import DataError
from palingen.notebook import project

sys.path.insert(0, str(ROOT / "assignment"))

import notebooks

KEPT = {name: ROOT / "assignment" / f"{name}.ipynb" for name in notebooks.NAMES}

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


def code_of(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code_of(notebook) for output in cell.outputs]


def pictures(notebook):
    return [output for output in outputs(notebook) if "image/png" in output.get("data", {})]


def tables(notebook):
    """Every table that is shown, as rows of cells, the headings first."""
    shown = [output.data["text/markdown"] for output in outputs(notebook) if "text/markdown" in output.get("data", {})]
    rows = [[line.strip("| ").split(" | ") for line in text.splitlines()] for text in shown]
    return [[head, *body] for head, _, *body in rows]


@pytest.fixture(scope="module")
def shortened(tmp_path_factory):
    """A notebook executed with few epochs, in a project that holds nothing but the records."""

    def run(name, epochs, folder):
        place = tmp_path_factory.mktemp(name)
        (place / "report").symlink_to(ROOT / "report")
        (place / "assignment").mkdir()
        command = [
            sys.executable,
            KEPT[name].with_name("notebooks.py"),
            name,
            "--epochs",
            epochs,
            "--at",
            place / folder,
        ]
        done = subprocess.run(
            [*map(str, command), "--out", str(place / "out")], capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr
        return nbformat.read(place / "out" / f"{name}.ipynb", as_version=4)

    return run


@pytest.mark.parametrize("name", KEPT)
def test_a_notebook_is_the_cells_of_its_source(name):
    source, kept = notebooks.from_source(name), nbformat.read(KEPT[name], as_version=4)
    assert [(cell.id, cell.cell_type, cell.source, cell.metadata) for cell in kept.cells] == [
        (cell.id, cell.cell_type, cell.source, cell.metadata) for cell in source.cells
    ]


@pytest.mark.parametrize("name", KEPT)
def test_a_notebook_was_executed_from_top_to_bottom_without_a_complaint(name):
    kept = nbformat.read(KEPT[name], as_version=4)
    nbformat.validate(kept)
    assert [cell.execution_count for cell in code_of(kept)] == list(range(1, len(code_of(kept)) + 1))
    assert {output.output_type for output in outputs(kept)} <= {"execute_result", "display_data"}
    assert len(pictures(kept)) >= 4


@pytest.mark.parametrize("name", KEPT)
def test_a_notebook_names_no_machine_no_time_and_fits_in_two_megabytes(name):
    text = KEPT[name].read_text()
    assert nbformat.reads(text, as_version=4).metadata == notebooks.METADATA
    assert len(text) < 2_000_000
    for trace in (str(ROOT), str(Path.home()) + "/", "iopub", "\\u001b"):
        assert trace not in text


@pytest.mark.parametrize("name", KEPT)
def test_a_notebook_holds_words_and_calls_and_no_logic(name):
    tree = ast.parse(KEPT[name].with_suffix(".py").read_text())
    assert [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, LOGIC)] == []


def test_part_1_runs_and_its_lstm_learns(shortened):
    ran = shortened("part1", 8, "assignment")
    trained = next(rows for rows in tables(ran) if rows[0][:3] == ["cell", "length", "accuracy"])
    assert trained[1][:2] == ["lstm", "5"]
    assert float(trained[1][2]) > 0.5  # guessing is 0.1
    answered = next(rows for rows in tables(ran) if "it says" in rows[0])
    assert all(read.split()[0] == say for read, say, *_ in answered[1:])
    live, kept, *_ = [rows for rows in tables(ran) if rows[0][0] == "T"]
    assert [row[0] for row in live[1:]] == ["5", "10", "20"]
    assert kept[1][:2] == ["5", "100.0 % (100.0 to 100.0), 5 seeds"]
    assert len(pictures(ran)) == 5


def test_part_2_runs_and_walks_between_two_classes(shortened):
    ran = shortened("part2", 1, ".")
    walks = [rows for rows in tables(ran) if rows[0][0] == "walk"]
    assert len(walks) == 2  # the course's network and the quality recipe's
    for _, *rows in walks:
        assert [row[0] for row in rows] == ["linear", "spherical"]
        for row in rows:
            digits = [re.fullmatch(r"(\d) \(([\d.]+) %\)", verdict).groups() for verdict in row[1:]]
            assert len(digits) == 9
            assert digits[0][0] != digits[-1][0]
            assert float(digits[0][1]) > 90
    differences = next(rows for rows in tables(ran) if rows[0] == ["start", "middle", "end"])
    assert max(map(int, differences[1])) <= 3  # what half precision may round
    assert len(pictures(ran)) == 10


def test_the_project_is_found_from_anywhere_inside_it_and_nowhere_else(tmp_path):
    assert project(ROOT) == project(ROOT / "assignment") == project(ROOT / "assignment" / "part1") == ROOT
    with pytest.raises(DataError, match="open the notebook inside its project"):
        project(tmp_path)
