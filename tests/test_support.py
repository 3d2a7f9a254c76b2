"""Helpers on which the other tests rely."""

import sys

import pytest
from support import made_once, run_script


def test_a_folder_is_made_once_and_anew_after_a_failure(tmp_path_factory):
    folders = []

    def make(folder):
        assert not list(folder.iterdir())
        folders.append(folder)
        (folder / "half").touch()
        if len(folders) == 1:
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        made_once(tmp_path_factory, "made-once", make)
    first, second = (made_once(tmp_path_factory, "made-once", make) for _ in range(2))
    assert folders == [first, second]
    assert [path.name for path in second.iterdir()] == ["half"]


def test_a_script_imports_what_lies_beside_it_and_leaves_no_trace(tmp_path, monkeypatch):
    (tmp_path / "neighbour.py").write_text("NAME = 'beside'")
    (tmp_path / "script.py").write_text("import sys, neighbour\nprint(neighbour.NAME, *sys.argv[1:])\nsys.exit(3)")
    monkeypatch.setitem(sys.modules, "neighbour", "another")
    path = sys.path.copy()
    run = run_script(tmp_path / "script.py", "--epochs", 2, folder=tmp_path)
    assert (run.returncode, run.stdout, run.stderr) == (3, "beside --epochs 2\n", "")
    assert (sys.modules["neighbour"], sys.path) == ("another", path)
    assert "script" not in sys.modules
