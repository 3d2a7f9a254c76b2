"""Small trainings with a checkpoint at every step, in a process of their own that may be killed at any moment.

A server process imports the package once and forks a child for every start, so that a start takes no seconds.
"""

import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PRELOADED = [
    "small_jobs", "palingen.gan.train", "palingen.recurrence.study", "palingen.cli", "palingen.cli.palindrome",
    "palingen.workflows.run_figures",
]  # fmt: skip

SMALL_GAN = {"epochs": 4, "batch_size": 50, "save_interval": 6, "log_interval": 3, "latent_dim": 8}

PENALTY = {
    "architecture": "residual", "conditional": True, "loss": "relativistic", "penalty": "r1-r2", "ema_half_life": 3,
    "beta2_final": 0.9, "lr_final_ratio": 0.1, "warmup_fraction": 0.5, "epochs": 2, "monitor_samples": 100,
}  # fmt: skip

SMALL_MEMORY = {
    "length": 9, "input_encoding": "one-hot", "online_data": True, "curriculum_threshold": 0.01, "curriculum_start": 2,
    "lr_length_exponent": 0.5, "optimizer": "adam", "hidden_size": 8, "num_samples": 1000, "batch_size": 32,
}  # fmt: skip


TIMED = {"environment.json", "study.json"}
"""Files that hold times or commands."""


def contents(folder: Path) -> dict[str, object]:
    """Content of every file of a run or a study, without the seconds in its result."""
    files: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.name in TIMED or path.name == ".lock":
            continue
        content: object = path.read_bytes()
        if path.name == "records.jsonl":
            content = [json.loads(line) for line in path.read_text().splitlines()]
            for record in content:
                record.pop("seconds", None)
        files[path.relative_to(folder).as_posix()] = content
    return files


@dataclass(frozen=True)
class Death:
    """When a process kills itself: at its n-th flush of a file that is being written, or after its n-th rename."""

    place: str
    count: int

    def arrange(self) -> None:
        """Replace the call of the system so that it ends the process."""
        call, calls = getattr(os, self.place), []

        def deadly(*arguments: Any) -> Any:
            calls.append(self.place)
            last = len(calls) == self.count
            if not last or self.place == "replace":
                call(*arguments)
            if last:
                os.kill(os.getpid(), signal.SIGKILL)

        setattr(os, self.place, deadly)


def palindrome(folder: Path, data: str) -> None:
    from palingen.recurrence.config import PalindromeConfig
    from palingen.recurrence.train import train_palindrome

    train_palindrome(PalindromeConfig(epochs=8, num_samples=200, hidden_size=8, batch_size=32), folder)


def memory(folder: Path, data: str) -> None:
    from palingen.recurrence.config import PalindromeConfig
    from palingen.recurrence.train import train_palindrome

    train_palindrome(PalindromeConfig(epochs=3, **SMALL_MEMORY), folder)


def study(folder: Path, data: str) -> None:
    from joblib.externals.loky import get_reusable_executor

    from palingen.recurrence.config import PalindromeConfig
    from palingen.recurrence.study import TrainOptions, enumerate_runs, run_study
    from palingen.runtime.parallel import ParallelConfig

    base = PalindromeConfig(epochs=2, **SMALL_MEMORY)
    list(run_study(enumerate_runs(base, ["lstm", "rnn"], [9], 2), folder, ParallelConfig(jobs=2), TrainOptions()))
    get_reusable_executor().shutdown()  # a forked child runs no exit handlers, and would wait for the idle workers


def _gan(folder: Path, engine: str, settings: dict[str, Any]) -> None:
    import torch

    from palingen.gan.config import GanConfig
    from palingen.gan.train import train_gan

    train_gan(
        GanConfig(**{"monitor_samples": None, **SMALL_GAN, **settings}), folder, torch.device("cpu"), engine=engine
    )


def gan_manual(folder: Path, data: str) -> None:
    _gan(folder, "manual", {"data": data})


def gan_autograd(folder: Path, data: str) -> None:
    _gan(folder, "autograd", {"data": data})


def gan_penalty(folder: Path, data: str) -> None:
    _gan(folder, "penalty-jvp", {"data": data, **PENALTY})


JOBS = {job.__name__: job for job in (palindrome, memory, gan_manual, gan_autograd, gan_penalty, study)}
"""Trainings by name; each takes its run folder and a folder of images."""


def start(work: Callable[..., None], *arguments: Any) -> multiprocessing.process.BaseProcess:
    """Start `work` in a child in a process group of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=_in_own_group, args=(work, *arguments))
    process.start()
    return process


def kill(process: multiprocessing.process.BaseProcess) -> None:
    """Kill a child and everything that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()  # it has ended, or has no group yet
    process.join()


def train(name: str, folder: Path, data: str, death: Death | None = None) -> None:
    """Train one of `JOBS`, and die on the way if there is a death."""
    from palingen.runtime import training_loop

    training_loop.CHECKPOINT_INTERVAL_S = 0
    if death:
        death.arrange()
    JOBS[name](folder, data)


def _in_own_group(work: Callable[..., None], *arguments: Any) -> None:
    import torch

    os.setpgid(0, 0)
    torch.set_num_threads(1)
    with Path(os.devnull).open("w") as nothing:
        os.dup2(nothing.fileno(), sys.stderr.fileno())
    work(*arguments)
