"""The committed notebooks have the cells of their sources, which run."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from support import ROOT

from palingen.recipes import GAN

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
    """Execute a notebook with few epochs, in an empty folder."""

    def run(name, epochs):
        folder = tmp_path_factory.mktemp(name)
        script, out = COMMITTED[name].with_name("notebooks.py"), folder / "out"
        command = [sys.executable, script, name, "--epochs", epochs, "--at", folder, "--out", out]
        done = subprocess.run([str(argument) for argument in command], capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        assert (folder / "runs" / "notebooks" / name).is_dir()
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
def test_a_notebook_contains_no_logic_but_shows_its_trainings_live(name):
    tree = ast.parse(COMMITTED[name].with_suffix(".py").read_text())
    assert [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, LOGIC)] == []
    blocks = [item for node in ast.walk(tree) if isinstance(node, ast.With) for item in node.items]
    assert {ast.unparse(item.context_expr.func) for item in blocks} == {"notebook.live"}


@pytest.mark.parametrize("name", COMMITTED)
def test_the_first_cell_of_a_notebook_installs_what_is_missing_and_here_nothing(name):
    first = code_cells(nbformat.read(COMMITTED[name], as_version=4))[0]
    assert first.source == (ROOT / "assignment" / "install.py").read_text().rstrip()
    assert first.outputs == []


def test_the_committed_notebook_of_the_gan_shows_the_present_scores_and_settings_of_the_shipped_generators():
    rows = [row for table in tables(nbformat.read(COMMITTED["part2"], as_version=4)) for row in table]
    for name in ("course", "residual"):
        score = json.loads((ROOT / "src" / "palingen" / "pretrained" / name / "score.json").read_text())
        assert [name, f"{score['n']:,}", f"{score['fd']:.3g}"] in [row[:3] for row in rows], (
            "run `make notebooks` again"
        )
    assert ["`epochs`", str(GAN["course"].epochs), str(GAN["residual"].epochs)] in rows


def verified(notebook):
    """Facts that the notebook has verified, by name."""
    return {name: fact for head, *rows in tables(notebook) if head == ["verified", "found"] for name, fact in rows}


def test_the_committed_notebooks_have_verified_the_requirements_of_the_course():
    part1, part2 = (verified(nbformat.read(path, as_version=4)) for path in COMMITTED.values())
    assert part1["palindromes in both"] == "0"
    assert (part1["inputs: samples x digits read x inputs"], part1["logits: samples x classes"]) == (
        "128 x 4 x 1",
        "128 x 10",
    )
    assert part1["operations of torch"].endswith("none of them recurrent")
    assert part2["generated images"] == "64 x 1 x 28 x 28"
    assert part2["linear"] == "9 images = 7 + 2 endpoints, from class 3 to class 8"


def live_outputs(notebook):
    """Pictures of each cell that shows a training live."""
    cells = [cell for cell in code_cells(notebook) if "notebook.live(" in cell.source]
    return [[output for output in cell.outputs if "image/png" in output.get("data", {})] for cell in cells]


def test_part_1_runs_and_its_lstm_learns(execute_shortened):
    notebook = execute_shortened("part1", 5)
    result = next(rows for rows in tables(notebook) if rows[0][:3] == ["cell", "length", "accuracy"])
    assert result[1][:2] == ["lstm", "5"]
    assert float(result[1][2]) > 0.5  # guessing is 0.1
    predictions = next(rows for rows in tables(notebook) if "prediction" in rows[0])
    assert all(digits.split()[0] == target for digits, target, *_ in predictions[1:])
    live, recorded, *_ = [rows for rows in tables(notebook) if rows[0][0] == "T"]
    assert [row[0] for row in live[1:]] == ["5", "10", "20"]
    assert recorded[1][:2] == ["5", "100.0 % (100.0 to 100.0), 5 seeds"]
    assert len(figures(notebook)) == 6
    assert [len(pictures) for pictures in live_outputs(notebook)] == [1, 1]  # replaced in place
    assert verified(notebook).keys() == verified(nbformat.read(COMMITTED["part1"], as_version=4)).keys()


def test_part_2_runs_and_interpolates_between_two_classes(execute_shortened):
    notebook = execute_shortened("part2", 1)
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
    assert len(figures(notebook)) == 11
    assert [len(pictures) for pictures in live_outputs(notebook)] == [2]  # the curves and the latest images
    assert verified(notebook).keys() == verified(nbformat.read(COMMITTED["part2"], as_version=4)).keys()
