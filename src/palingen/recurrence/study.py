"""How long does each cell remember, and how reliably? Lengths times cells times seeds, in parallel, resumable."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import joblib
import torch
from joblib.externals.loky.process_executor import TerminatedWorkerError

from palingen.config import check_value
from palingen.errors import Interrupted, PalingenError
from palingen.interrupts import stop_requests
from palingen.recurrence.cells import CellName
from palingen.recurrence.engines import EngineName
from palingen.recurrence.experiment import PalindromeRun
from palingen.recurrence.train import train
from palingen.runs import read_records

Backend = Literal["loky", "dask", "ray"]


@dataclass(frozen=True, kw_only=True)
class Workers:
    """Where the runs of a study are computed."""

    jobs: int = 0
    """Runs at the same time; 0 is one for each core. Each computes with one thread."""

    backend: Backend = "loky"
    """`loky`: processes of this machine. `dask`, `ray`: a cluster that sees the same folders."""

    scheduler: str = ""
    """Address of dask's scheduler (tcp://host:8786) or of ray's head; empty starts one on this machine."""

    def __post_init__(self) -> None:
        check_value("jobs", self.jobs, self.jobs >= 0, "at least 0")


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
    jobs = workers.jobs or os.cpu_count() or 1
    with stop_requests() as asked, _cluster(workers):
        tasks = (
            joblib.delayed(_one)(config, folder_of(out, config), str(device), engine, force)
            for config in runs
            if not asked()
        )
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", pre_dispatch="n_jobs")
        try:
            yield from (result for result in parallel(tasks) if result)
        except TerminatedWorkerError as error:
            if not asked():
                raise PalingenError("a worker died (out of memory?); the same command again goes on") from error
        if asked():
            raise Interrupted(f"stopped, saved in {out}")


def _one(config: PalindromeRun, folder: Path, device: str, engine: EngineName, force: bool) -> dict[str, Any] | None:
    """One run in a worker; None if Ctrl-C, which reaches every process of a terminal, stopped it."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):  # the study shows how far it is
        try:
            result = train(config, folder, torch.device(device), engine=engine, force=force)
        except Interrupted:
            return None
    return {**result, "folder": str(folder)}


@contextlib.contextmanager
def _cluster(workers: Workers) -> Iterator[None]:
    """Let joblib compute there."""
    try:
        if workers.backend == "dask":
            from distributed import Client

            with Client(workers.scheduler or None), joblib.parallel_config("dask"):
                yield
        elif workers.backend == "ray":
            import ray
            from ray.util.joblib import register_ray

            ray.init(address=workers.scheduler or None)
            register_ray()
            with joblib.parallel_config("ray"):
                yield
        else:
            with joblib.parallel_config("loky"):
                yield
    except ImportError as error:
        needs = f"{workers.backend!r} needs the package {error.name!r} (pip install 'palingen[cluster]')"
        raise PalingenError(f"backend: {needs}") from error
