"""Setup and steps of a reproduction."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from palingen.report.record_shapes import GAN_STUDY, PALINDROME_STUDY
from palingen.runtime.json_io import read_json
from palingen.runtime.parallel import ParallelConfig


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
    """One folder of the records, and how to compute it again."""

    name: str
    """Folder under `runs`."""

    seconds: float
    """Duration of its runs according to the reference, one after the other."""

    run: Callable[[], object]
    """Computes it; finished runs are not repeated."""

    parallel: bool = True
    """Whether several of its runs are computed at the same time."""


def read_studies(runs: Path) -> dict[str, dict[str, Any]]:
    """All `study.json` under `runs`, by the folder they are in, relative to `runs`."""
    return {
        path.parent.relative_to(runs).as_posix(): read_json(path, (PALINDROME_STUDY, GAN_STUDY))
        for path in sorted(runs.glob("**/study.json"))
    }
