"""Users' files are executed once, and their errors are one line."""

import sys

import pytest
from user_parts import CELL, write_code

from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.user_cells import load_cell
from palingen.runtime.errors import ConfigError
from palingen.runtime.parallel import _run_in_worker
from palingen.runtime.user_module import PREFIX, error_line

DATACLASS = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    b: int\n"


def reference(folder, text, name="Mine"):
    return PalindromeConfig(cell=f"{write_code(folder, text)}:{name}").cell


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\nx = 1 / 0", "mine.py:2: ZeroDivisionError: division by zero"),
        ("def f(:", "mine.py:1: invalid syntax"),
        ("import sys\nsys.exit(0)", "mine.py:2: SystemExit: 0"),
        ("import helpers_of_mine", "mine.py:1: ModuleNotFoundError: No module named 'helpers_of_mine'"),
        ("raise ValueError('two\\nlines')", "mine.py:1: ValueError: two lines"),
        ("", "the file defines nothing"),
        ("x = 1", "unknown 'Mine' (choose from x)"),
    ],
)
def test_a_file_that_fails_is_refused_with_file_line_and_text(tmp_path, text, problem):
    cell = reference(tmp_path, text)
    for _ in range(2):  # nothing of a file that failed stays
        with pytest.raises(ConfigError) as refusal:
            load_cell(cell)
        assert str(refusal.value).startswith(f"cell='{tmp_path / 'mine.py'}:Mine': ")
        assert str(refusal.value).endswith(problem)
    assert f"{PREFIX}{cell.sha256}" not in sys.modules or "unknown" in problem or "nothing" in problem


def test_equal_files_are_executed_once_and_give_the_same_object(tmp_path):
    first, again = (reference(tmp_path / name, CELL + "# once") for name in ("a", "b"))
    assert load_cell(first) is load_cell(again)


def test_a_file_may_define_dataclasses_and_read_no_neighbours(tmp_path):
    assert load_cell(reference(tmp_path, DATACLASS + CELL)).gates == ("h",)


def test_an_error_of_a_users_code_during_the_work_is_one_line_also_from_a_worker(tmp_path):
    text = CELL.replace("return", "x_proj.shape[1] > 3 and x_proj.foo\n    return")
    step = load_cell(reference(tmp_path, text)).step

    def work(run):
        import torch

        return step(torch.zeros(1, 4), torch.zeros(1, 4), (torch.zeros(1, 4),))

    with pytest.raises(AttributeError) as error:
        work(None)
    expected = f"{tmp_path / 'mine.py'}:6: AttributeError: 'Tensor' object has no attribute 'foo'"
    assert error_line(error.value) == expected
    with pytest.raises(Exception, match=r"mine\.py:6: AttributeError") as error:
        _run_in_worker(work, None, "study", 0.0, None)
    assert str(error.value) == expected
    assert error_line(ValueError("ours")) is None
