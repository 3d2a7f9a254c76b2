"""Software and hardware that a run was computed with. Names no machine and no person."""

import platform
import shlex
import subprocess
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from palingen.runtime.numerics import Execution


def environment(execution: Execution) -> dict[str, Any]:
    """Versions, commit, command, processor, and the execution, as JSON."""
    return {
        "palingen": version("palingen"),
        "commit": _commit(),
        "command": shlex.join(["palingen", *sys.argv[1:]]),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": torch.backends.cpu.get_cpu_capability(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        **asdict(execution),
    }


def _commit() -> str | None:
    folder = str(Path(__file__).parent)
    command = ["git", "-C", folder, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
