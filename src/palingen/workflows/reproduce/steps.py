"""Setup, parts and steps of a reproduction.

A part is a folder of the records, such as `memory`. It has one step, or several, such as `memory/T10`.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from palingen.report.record_shapes import GAN_STUDY, PALINDROME_STUDY
from palingen.runtime.errors import ConfigError
from palingen.runtime.json_io import read_json
from palingen.runtime.parallel import ParallelConfig
from palingen.runtime.progress import progress
from palingen.runtime.validation import unknown_choice

WEIGHTS = "weights.json"
"""File beside what trained networks are used for: whether these are the reproduced or the shipped ones."""


SHOWN = ("accuracy", "fd")
"""Numbers of a finished run that are shown beside the progress."""


@dataclass(frozen=True)
class Setup:
    """Records to reproduce, and how to compute them."""

    reference: Path
    """Folder of the committed records."""

    out: Path
    """Folder of the reproduced records."""

    device: torch.device

    parallel: ParallelConfig
    """Where the runs of a study are computed."""

    quick: bool = False
    """Compute a small part of everything, to check that all of it can be computed."""


@dataclass(frozen=True)
class Step:
    """Some runs of the records, and how to compute them again."""

    name: str
    """Folder under `runs`, or some of its runs."""

    seconds: float
    """Duration of its runs according to the reference, one after the other."""

    run: Callable[[], object]
    """Computes it; finished runs are not repeated."""

    parallel: bool = True
    """Whether several of its runs are computed at the same time."""

    @property
    def part(self) -> str:
        """Part that it belongs to."""
        return self.name.partition("/")[0]


def select_steps(steps: Sequence[Step], only: Sequence[str]) -> list[Step]:
    """Steps of the named parts, and single steps by their names; all if nothing is named.

    Raises:
        ConfigError: there is no such part or step.
    """
    for name in only:
        if not any(name in (step.part, step.name) for step in steps):
            siblings = [step.name for step in steps if step.part == name.partition("/")[0]]
            raise ConfigError(f"only: {unknown_choice(name, siblings or dict.fromkeys(step.part for step in steps))}")
    return [step for step in steps if not only or step.part in only or step.name in only]


def wait_for_runs(label: str, total: int, results: Iterable[Mapping[str, Any]], finished: int) -> None:
    """Compute all runs of a study, with progress; the results themselves are in the run folders.

    Args:
        label: name beside the progress bar.
        total: number of runs.
        results: results as runs finish; that of a run that diverged says why in `stopped`.
        finished: number of runs finished earlier, which say nothing about the time left.
    """
    with progress(label, total, "runs", finished) as bar:
        for done, result in enumerate(results, 1):
            if "stopped" in result:
                print(f"{result['folder']}: {result['stopped']}", file=sys.stderr)
            values = {**result, **(result.get("score") or {})}
            numbers = {name: values[name] for name in SHOWN if values.get(name) is not None}
            bar.advance(done, result["folder"], **numbers)


def estimate_seconds(steps: Sequence[Step], jobs: int) -> dict[str, float]:
    """Duration of each part by the recorded times, with several runs at a time where they are independent."""
    seconds: dict[str, float] = {}
    for step in steps:
        seconds[step.part] = seconds.get(step.part, 0.0) + step.seconds / (jobs if step.parallel else 1)
    return seconds


def read_studies(runs: Path) -> dict[str, dict[str, Any]]:
    """All `study.json` under `runs`, by the folder they are in, relative to `runs`."""
    return {
        path.parent.relative_to(runs).as_posix(): read_json(path, (PALINDROME_STUDY, GAN_STUDY))
        for path in sorted(runs.glob("**/study.json"))
    }
