"""Peak memory of trainings, measured in a process of their own: `python tests/peak_memory.py LABORATORY CONFIGS`.

Prints, as JSON, the bytes by which each training raised the resident memory of the process at most. Linux only.
"""

import ctypes
import gc
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Settings = dict[str, Any]
"""Fields of a config, and the engine."""


def measure(laboratory: str, trainings: Sequence[Settings]) -> list[int]:
    """Peak bytes of each training."""
    command = [sys.executable, __file__, laboratory, json.dumps(trainings)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads(run.stdout)


def peak_of(laboratory: str, settings: Settings) -> int:
    """Growth of the resident memory, at most, during one training."""
    from palingen import GanConfig, PalindromeConfig, train_gan, train_palindrome

    kind, train = {"gan": (GanConfig, train_gan), "recurrence": (PalindromeConfig, train_palindrome)}[laboratory]
    engine = settings.pop("engine", "auto")
    with tempfile.TemporaryDirectory() as folder:
        give_back_freed_memory()
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        before = status("VmRSS")
        train(kind(**settings), Path(folder), engine=engine)
        return status("VmHWM") - before


def give_back_freed_memory() -> None:
    """Return what earlier trainings freed to the system; kept by the process, it would hide a part of the next peak."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def status(name: str) -> int:
    """Bytes of a line of the process's status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))


def main() -> None:
    """Measure every training, after a small one that loads all libraries."""
    laboratory, trainings = sys.argv[1], json.loads(sys.argv[2])
    small = {"batch_size": 8, "epochs": 1}
    small |= {"num_samples": 20, "hidden_size": 4} if laboratory == "recurrence" else {"data": trainings[0]["data"]}
    peak_of(laboratory, small)
    print(json.dumps([peak_of(laboratory, settings) for settings in trainings]))


if __name__ == "__main__":
    main()
