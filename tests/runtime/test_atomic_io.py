import resource
import subprocess
import sys

import pytest

from palingen.runtime.atomic_io import write_atomically, write_json


def test_a_file_is_replaced_and_no_temporary_file_remains(tmp_path):
    path = tmp_path / "new" / "file"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_a_value_that_is_not_json_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "file.json", {"a": 1})
    before = (tmp_path / "file.json").read_bytes()
    with pytest.raises(TypeError):
        write_json(tmp_path / "file.json", {"a": object()})
    assert (tmp_path / "file.json").read_bytes() == before


def test_a_full_disk_leaves_the_old_file_and_no_temporary_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    script = (
        "from pathlib import Path; from palingen.runtime.atomic_io import write_atomically;"
        f"write_atomically(Path({str(path)!r}), b'x' * 9000)"
    )
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))  # noqa: E731
    run = subprocess.run([sys.executable, "-c", script], preexec_fn=limit, capture_output=True, text=True)
    assert f"File too large: '{path}'" in run.stderr
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
