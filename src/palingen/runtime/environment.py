"""Software and hardware that a run was computed with. Names no machine and no person."""

import platform
import subprocess
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import torch

from palingen.runtime.command import current_command
from palingen.runtime.numerics import Execution
from palingen.runtime.paths import PROJECT_DIR


def environment(execution: Execution) -> dict[str, Any]:
    """Versions, commit, command, processor, and the execution, as JSON."""
    return {
        "palingen": version("palingen"),
        "commit": _commit(),
        "command": current_command(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": torch.backends.cpu.get_cpu_capability(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        **asdict(execution),
    }


def _commit() -> str | None:
    if not (PROJECT_DIR / ".git").exists():  # git would take any repository around an installed package
        return None
    command = ["git", "-C", str(PROJECT_DIR), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
