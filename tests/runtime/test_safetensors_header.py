import subprocess
import sys

import pytest

from palingen.runtime.errors import PalingenError
from palingen.runtime.paths import PRETRAINED_DIR
from palingen.runtime.safetensors_header import load_metadata

WEIGHTS = PRETRAINED_DIR / "course" / "end.safetensors"


def test_the_config_in_the_header_is_read_without_torch():
    script = f"""
import sys
from pathlib import Path
from palingen.runtime.safetensors_header import load_metadata
print(load_metadata(Path({str(WEIGHTS)!r}))["kind"], "torch" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "GanConfig False\n"


@pytest.mark.parametrize("content", [b"", b"\0" * 8, WEIGHTS.read_bytes()[:-1], b"\x02\0\0\0\0\0\0\0{}"])
def test_a_damaged_file_or_one_without_a_config_is_named_in_one_line(tmp_path, content):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    with pytest.raises(PalingenError, match=r"weights\.safetensors: missing or damaged") as error:
        load_metadata(path)
    assert "\n" not in str(error.value)
