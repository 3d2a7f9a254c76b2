"""References to a user's code: read, compared by hash, and never opened for the config of a run."""

import copy
import hashlib

import pytest
from user_parts import CELL, write_code

from palingen.recurrence.config import PalindromeConfig
from palingen.runtime.config_io import config_hash, parse_config
from palingen.runtime.errors import ConfigError, RunError
from palingen.runtime.user_code import CodeReference, code_fields, part_label, shorten_hash

HASH = hashlib.sha256(CELL.encode()).hexdigest()


def test_a_config_holds_file_name_and_hash_of_the_code_that_it_names(tmp_path):
    cell = PalindromeConfig(cell=f"{write_code(tmp_path)}:Mine").cell
    assert cell == f"mine.py:Mine@{HASH}"
    assert (cell.file, cell.name, cell.sha256, cell.text) == ("mine.py", "Mine", HASH, CELL)
    assert (part_label(cell), shorten_hash(cell), part_label("lstm")) == (
        f"Mine@{HASH[:8]}",
        f"mine.py:Mine@{HASH[:8]}",
        "lstm",
    )


def test_configs_are_equal_if_the_code_is_wherever_the_file_lies(tmp_path):
    one, other = (PalindromeConfig(cell=f"{write_code(tmp_path / name)}:Mine") for name in ("a", "b"))
    changed = PalindromeConfig(cell=f"{write_code(tmp_path / 'b', CELL + '# new')}:Mine")
    assert (one, config_hash(one)) == (other, config_hash(other))
    assert one != changed
    assert config_hash(one) != config_hash(changed)


def test_the_text_travels_with_a_copy_of_a_reference(tmp_path):
    config = PalindromeConfig(cell=f"{write_code(tmp_path)}:Mine")
    assert copy.deepcopy(config).cell.text == CELL
    assert repr(config.cell) == f"'mine.py:Mine@{HASH[:8]}'"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("mine.py", "names nothing in the file; write FILE.py:NAME"),
        ("mine.py:", "names nothing in the file; write FILE.py:NAME"),
        ("mine.py:a b", "must be FILE.py:NAME, with the name of an object in the file"),
        ("mine.py:3", "must be FILE.py:NAME, with the name of an object in the file"),
        ("other.py:Mine", "no such file"),
        ("folder.py:Mine", "no such file"),
        ("\0.py:Mine", "(no such|is not a) file"),
        ("binary.py:Mine", "is not a file of UTF-8 text"),
        ("large.py:Mine", "has more than 1 MB"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_line(tmp_path, monkeypatch, name, problem):
    monkeypatch.chdir(tmp_path)
    write_code(tmp_path)
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe")
    (tmp_path / "large.py").write_bytes(b"#" * (2**20 + 1))
    with pytest.raises(ConfigError, match=f": {problem}$") as refusal:
        PalindromeConfig(cell=name)
    assert str(refusal.value).startswith(f"cell={name!r}: ")


@pytest.mark.parametrize("value", ["mine.pyc:Mine", "mine:Mine", "../x.py:Mine@" + HASH, "mine.py:Mine@" + HASH[:8]])
def test_anything_else_is_an_unknown_choice(value):
    with pytest.raises(
        ConfigError, match=r"^cell: unknown .* \(choose from rnn, lstm, gru, peephole, FILE\.py:NAME\)$"
    ):
        PalindromeConfig(cell=value)


def test_the_config_of_a_run_has_no_text_and_opens_no_file(tmp_path):
    path = write_code(tmp_path)
    values = {"kind": "PalindromeConfig", "cell": f"mine.py:Mine@{HASH}"}
    cell = parse_config(values, PalindromeConfig, tmp_path).cell
    assert isinstance(cell, CodeReference)
    assert cell.text is None
    with pytest.raises(RunError, match="names code without its hash"):
        parse_config({**values, "cell": f"{path}:Mine"}, PalindromeConfig, tmp_path)


def test_fields_with_choices_and_paths_are_those_that_hold_code():
    assert code_fields(PalindromeConfig) == ("cell",)
