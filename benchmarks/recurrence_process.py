"""First training steps of an engine in a new process: time to compile, and memory. Called by `recurrence.py`."""

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from recurrence_baselines import Work, training_step
from torch import nn

from palingen.recurrence.layers import RecurrentLayer


@dataclass(frozen=True)
class Job:
    """Training steps of one layer in a process of its own."""

    engine: str
    """Engine, or `torch` for `torch.nn.LSTM`."""

    cell: str
    batch_size: int
    length: int
    input_size: int
    hidden_size: int
    threads: int
    recompute: bool = False
    warmup: bool = False
    """Run a short sequence first, which compiles what there is to compile."""

    environment: dict[str, str] = field(default_factory=dict)
    """Environment variables of the process, beside those of this one."""


def run_in_process(job: Job) -> dict[str, float]:
    """Seconds of the first two training steps, and MiB that they add to the peak memory, in a new process."""
    command = [sys.executable, __file__, json.dumps(asdict(job))]
    environment = {**os.environ, **job.environment}
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    measured: dict[str, float] = json.loads(process.stdout)
    return measured


def seconds(work: Work) -> float:
    """Duration of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _measure(job: Job) -> dict[str, float]:
    torch.set_flush_denormal(True)
    torch.set_num_threads(job.threads)
    layer: nn.Module = nn.LSTM(job.input_size, job.hidden_size, batch_first=True)
    if job.engine != "torch":
        sizes = job.input_size, job.hidden_size
        layer = RecurrentLayer(job.cell, *sizes, engine=job.engine, recompute=job.recompute)

    def step(length: int) -> Work:
        inputs = torch.randn(job.batch_size, length, job.input_size)
        return training_step(layer, lambda: layer(inputs)[1][0])

    if job.warmup:
        step(2)()
    run = step(job.length)
    before = _peak_mib()
    first, second = seconds(run), seconds(run)
    return {"first_s": first, "next_s": second, "peak_mib": _peak_mib() - before}


def _peak_mib() -> float:
    """Peak memory of this process on Linux. `resource.getrusage` would include the process that started it."""
    (kib,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kib) / 1024


if __name__ == "__main__":
    print(json.dumps(_measure(Job(**json.loads(sys.argv[1])))))
