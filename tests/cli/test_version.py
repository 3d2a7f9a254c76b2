"""`palingen --version`."""

import subprocess
import sys

import torch

import palingen


def test_the_version_names_torch_and_the_processors_features_without_importing_torch():
    script = "import sys; from palingen.cli import app; app(['--version']); print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    first, second, third, imported = run.stdout.splitlines()
    assert first == f"palingen {palingen.__version__}"
    assert f"torch {torch.__version__}" in second
    assert third.startswith("processor: ")
    assert imported == "False"
