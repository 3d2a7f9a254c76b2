"""How long does each cell remember, and how reliably? Lengths times cells times seeds, in parallel, resumable."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from palingen.config import check_value
from palingen.recurrence.cells import CellName
from palingen.recurrence.engines import EngineName
from palingen.recurrence.experiment import PalindromeRun
from palingen.recurrence.train import train
from palingen.runs import read_records
from palingen.workers import Workers, each


def plan(base: PalindromeRun, cells: Sequence[CellName], lengths: Sequence[int], seeds: int) -> list[PalindromeRun]:
    """Every run of a study, those that take longest first, so that no core waits long at the end."""
    check_value("seeds", seeds, seeds >= 1, "at least 1")
    return [
        replace(base, cell=cell, length=length, seed=seed)
        for length in sorted(set(lengths), reverse=True)
        for cell in dict.fromkeys(cells)
        for seed in range(seeds)
    ]


def folder_of(out: Path, config: PalindromeRun) -> Path:
    """A run's own folder."""
    return out / f"{config.cell}-T{config.length}-seed{config.seed}"


def finished(out: Path) -> list[dict[str, Any]]:
    """The results of all finished runs under `out`, of earlier studies too; the shortest palindromes first."""
    folders = [weights.parent for weights in out.glob("*/weights.safetensors")]
    results = [{**read_records(folder)[-1], "folder": folder.name} for folder in folders]
    return sorted(results, key=lambda result: (result["length"], result["cell"], result["seed"]))


def study(
    runs: list[PalindromeRun],
    out: Path,
    device: torch.device,
    workers: Workers,
    *,
    engine: EngineName = "auto",
    force: bool = False,
) -> Iterator[dict[str, Any]]:
    """Train every run in its folder under `out`; their results, as they come.

    A run that is finished is not run again, one that was stopped goes on: the same study again completes it.

    Raises:
        PalingenError: the backend is not to be had, or a worker died.
        Interrupted: Ctrl-C; everything is saved.
    """
    return each(partial(_one, out.resolve(), str(device), engine, force), runs, out, workers)


def _one(out: Path, device: str, engine: EngineName, force: bool, config: PalindromeRun) -> dict[str, Any]:
    folder = folder_of(out, config)
    result = train(config, folder, torch.device(device), engine=engine, force=force)
    return {**result, "folder": str(folder)}
