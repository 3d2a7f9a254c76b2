"""Code that a run keeps: nothing of it is executed unless it is trusted, and nothing at all if it was altered."""

import sys
from pathlib import Path

import pytest
from palindrome_runs import SMALL
from user_parts import CELL, marking, write_code

from palingen.recurrence.analysis import analyze_run
from palingen.recurrence.config import PalindromeConfig, build_network
from palingen.recurrence.pretrained import load_network
from palingen.recurrence.train import train_palindrome
from palingen.runtime.errors import DataError, RunError
from palingen.runtime.kept_code import keep_code, read_kept_code, trust_kept_code, verify_kept_code
from palingen.runtime.run_files import read_config
from palingen.runtime.run_folder import open_run
from palingen.runtime.user_module import PREFIX


@pytest.fixture
def config(tmp_path):
    return PalindromeConfig(cell=f"{write_code(tmp_path)}:Mine", epochs=1, **SMALL)


@pytest.fixture
def run(tmp_path, config):
    """A folder with the code of a config, whose file is gone."""
    keep_code(config, tmp_path / "run")
    (tmp_path / "mine.py").unlink()
    return tmp_path / "run"


def received(config):
    """Config as a run of someone else has it."""
    return PalindromeConfig(cell=str.__str__(config.cell), epochs=1, **SMALL)


def test_a_run_keeps_the_file_under_its_own_name_byte_by_byte(run, config):
    (kept_file,) = run.rglob("*.py")
    assert kept_file.relative_to(run).parts == ("code", config.cell.sha256[:16], "mine.py")
    assert kept_file.read_bytes() == CELL.encode()
    assert PalindromeConfig(cell=f"{kept_file}:Mine", epochs=1, **SMALL) == config


@pytest.mark.parametrize("written", range(2))
def test_a_start_that_is_killed_between_config_and_code_can_be_repeated(tmp_path, config, monkeypatch, written):
    replace_really, paths = Path.replace, []

    def replace(path, target):
        if len(paths) == written:
            raise KeyboardInterrupt
        paths.append(target)
        return replace_really(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        with pytest.raises(KeyboardInterrupt):
            open_run(tmp_path / "run", config).__enter__()
    with open_run(tmp_path / "run", config):
        assert len([*(tmp_path / "run").rglob("mine.py")]) == 1


def test_kept_code_is_trusted_only_if_asked(run, config):
    theirs = received(config)
    with pytest.raises(RunError, match=r"cell is code of its author, .*mine\.py; read it, then trust_code=True"):
        trust_kept_code(theirs, run, "cell", trust_code=False)
    trusted = trust_kept_code(theirs, run, "cell", trust_code=True)
    assert trusted == config
    assert trusted.cell.text == CELL
    assert trust_kept_code(config, run, "cell", trust_code=False) is config  # a file that the user named


def test_what_needs_no_code_needs_no_trust(run, config):
    theirs = received(config)
    assert trust_kept_code(theirs, run, trust_code=False) is theirs


def test_code_that_was_altered_or_is_missing_is_refused_even_if_trusted(run, config):
    path = config.cell.kept_path(run)
    path.write_text(CELL + "#")
    for call in (trust_kept_code, lambda *_, trust_code: verify_kept_code({"cell": str(config.cell)}, run)):
        with pytest.raises(DataError, match=r"mine\.py: altered \(its SHA-256"):
            call(received(config), run, "cell", trust_code=True)
    path.unlink()
    with pytest.raises(DataError, match=r"mine\.py: no such file; the run cannot be used without its code"):
        read_kept_code(received(config).cell, run)


def test_no_function_that_opens_a_run_executes_its_code_unless_it_is_trusted(tmp_path):
    mark, path = tmp_path / "executed", tmp_path / "mine.py"
    config = PalindromeConfig(cell=f"{write_code(tmp_path, marking(CELL, mark))}:Mine", epochs=1, **SMALL)
    assert not mark.exists()  # a config is only read
    run = tmp_path / "run"
    train_palindrome(config, run, engine="reference")
    assert mark.exists()
    mark.unlink()
    path.unlink()
    del sys.modules[f"{PREFIX}{config.cell.sha256}"]  # as in another process

    theirs = read_config(run, PalindromeConfig)
    for call in (
        lambda: load_network(run),
        lambda: load_network(run, "start"),
        lambda: load_network(run / "weights.safetensors"),
        lambda: analyze_run(run),
        lambda: build_network(theirs),
        lambda: train_palindrome(theirs, run, force=True),
    ):
        with pytest.raises(RunError, match="trust_code=True"):
            call()
    assert train_palindrome(theirs, run)["cell"] == f"Mine@{config.cell.sha256[:8]}"  # finished: nothing to compute
    assert not mark.exists()
    assert load_network(run, trust_code=True)[0] == config
    assert mark.exists()
    assert load_network(run / "weights.safetensors", trust_code=True)[0] == config
