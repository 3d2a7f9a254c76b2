"""Many runs at the same time: processes of this machine, or a cluster."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import joblib
import torch
from joblib.externals.loky.process_executor import TerminatedWorkerError

from palingen.config import check_value
from palingen.errors import Interrupted, PalingenError
from palingen.interrupts import stop_requests

Result = TypeVar("Result")

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


def each(work: Callable[..., Result], runs: Sequence[Any], out: Path, workers: Workers) -> Iterator[Result]:
    """What `work(run)` returns for every run, as they come.

    Args:
        work: importable by a worker, as are its results.
        runs: those that take longest first, so that no core waits long at the end.
        out: the folder that all runs write to.
        workers: where to compute.

    Raises:
        PalingenError: the backend is not to be had, or a worker died.
        Interrupted: Ctrl-C; everything is saved.
    """
    jobs, stopped = workers.jobs or os.cpu_count() or 1, False
    with stop_requests() as asked, _cluster(workers):
        tasks = (joblib.delayed(_alone)(work, run) for run in runs if not (stopped or asked()))
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", pre_dispatch="n_jobs")
        try:
            for result in parallel(tasks):
                if result is None:
                    stopped = True
                else:
                    yield result
        except TerminatedWorkerError as error:
            if not (stopped or asked()):
                raise PalingenError("a worker died (out of memory?); the same command again goes on") from error
        if stopped or asked():
            raise Interrupted(f"stopped, saved in {out}")


def _alone(work: Callable[..., Result], run: Any) -> Result | None:
    """One run in a worker; None if Ctrl-C, which reaches every process of a terminal, stopped it."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):  # the study shows how far it is
        try:
            return work(run)
        except Interrupted:
            return None


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
