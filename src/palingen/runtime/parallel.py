"""Independent runs in parallel: processes of this machine, or a cluster."""

import contextlib
import os
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, Literal, TypeVar

import joblib
import torch
from joblib.externals.loky.process_executor import BrokenProcessPool, TerminatedWorkerError

from palingen.runtime.command import current_command, running_command
from palingen.runtime.errors import Interrupted, PalingenError
from palingen.runtime.numerics import configure_numerics
from palingen.runtime.signals import graceful_interrupt, interruptible, note_interrupts
from palingen.runtime.user_module import error_line
from palingen.runtime.validation import Interval, require_field, require_ranges, validate_types

Result = TypeVar("Result")

Backend = Literal["loky", "dask", "ray"]

MAX_JOBS = {"loky": 4 * (os.cpu_count() or 1), "dask": 10_000, "ray": 10_000}
"""Most runs at the same time, by backend; on this machine, more than its cores gain nothing and cost memory."""


@dataclass(frozen=True, kw_only=True)
class ParallelConfig:
    """Where the runs of a study are computed."""

    jobs: int | None = None
    """Runs at the same time, one thread each; by default one for each core."""

    backend: Backend = "loky"
    """`loky`: processes of this machine. `dask`, `ray`: a cluster that sees the same folders."""

    scheduler_address: str | None = None
    """Address of dask's scheduler (tcp://host:8786) or of ray's head; by default one is started on this machine."""

    def __post_init__(self) -> None:
        validate_types(self)
        require_ranges(self, {"jobs": Interval(minimum=1, maximum=MAX_JOBS[self.backend])})
        is_used = self.scheduler_address is None or self.backend != "loky"
        require_field(self, "scheduler_address", is_used, "needs backend 'dask' or 'ray'")

    @property
    def processes(self) -> int:
        """Runs at the same time on this machine."""
        return self.jobs or os.cpu_count() or 1


def map_unordered(
    work: Callable[..., Result], runs: Sequence[Any], out: Path, parallel: ParallelConfig
) -> Iterator[Result]:
    """Yield `work(run)` for every run, in the order in which they finish.

    Args:
        work: function that a worker can import, like its results.
        runs: arguments, the longest work first, so that no core idles long at the end.
        out: folder that all runs write to, for messages.
        parallel: where to compute.

    Raises:
        PalingenError: the backend is not installed, or a worker died.
        Interrupted: Ctrl-C; every run has saved a checkpoint.
    """
    with graceful_interrupt() as stop_requested:
        worker_stopped = Event()

        def should_stop() -> bool:
            return worker_stopped.is_set() or stop_requested()

        study = uuid.uuid4().hex
        task = partial(_run_in_worker, work, current_command(), study, time.time())
        for result in _results(task, runs, parallel, study, should_stop):
            if result is None:
                worker_stopped.set()
            else:
                yield result
        if should_stop():
            raise Interrupted(f"stopped, saved in {out}")


def _results(
    work: Callable[[Any], Result],
    runs: Sequence[Any],
    parallel: ParallelConfig,
    study: str,
    stop_requested: Callable[[], bool],
) -> Iterator[Result]:
    """Results of all runs on the chosen backend, in the order in which they finish."""
    jobs, address = parallel.jobs, parallel.scheduler_address
    if parallel.backend == "ray":
        with _naming_missing_package("ray"):
            from palingen.runtime.ray_backend import map_on_ray
        yield from map_on_ray(work, runs, jobs, address, stop_requested)
    elif parallel.backend == "dask":
        with _naming_missing_package("dask"):
            from palingen.runtime.dask_backend import map_on_dask
        yield from map_on_dask(work, runs, jobs, address, study, stop_requested)
    else:
        yield from _map_on_this_machine(work, runs, parallel.processes, stop_requested)


@contextlib.contextmanager
def _naming_missing_package(backend: str) -> Iterator[None]:
    """Say in one line what to install if the import of a backend fails."""
    try:
        yield
    except ImportError as error:
        package = f"the package {error.name!r}, which is not installed (pip install 'palingen[cluster]')"
        raise PalingenError(f"backend={backend!r}: needs {package}") from error


def _map_on_this_machine(
    work: Callable[[Any], Result], runs: Sequence[Any], processes: int, stop_requested: Callable[[], bool]
) -> Iterator[Result]:
    tasks = (joblib.delayed(work)(run) for run in runs if not stop_requested())
    jobs = max(1, min(processes, len(runs)))  # loky starts all of them, busy or not
    with joblib.parallel_config("loky", initializer=note_interrupts), warnings.catch_warnings():
        # A worker that holds more memory after a run is replaced, and no run is lost.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
        # One run at a time: after many that are finished already, joblib would hand several long ones to one worker.
        pool = joblib.Parallel(n_jobs=jobs, batch_size=1, pre_dispatch="n_jobs", return_as="generator_unordered")
        try:
            yield from pool(tasks)
        except BrokenProcessPool as error:
            if stop_requested():
                return
            if isinstance(error, TerminatedWorkerError):
                raise PalingenError("a worker died (out of memory?); the same command resumes the study") from error
            raise


def _run_in_worker(
    work: Callable[..., Result], command: str | None, study: str, since: float, run: Any
) -> Result | None:
    """Result of one run; None if Ctrl-C, which reaches every process of a terminal, stopped it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    configure_numerics()
    with Path(os.devnull).open("w") as devnull, contextlib.redirect_stderr(devnull):  # the study reports progress
        try:
            with running_command(command), interruptible(study, since):
                return work(run)
        except (Interrupted, KeyboardInterrupt):  # the latter before and after the training loop
            return None
        except Exception as error:
            if line := error_line(error):  # which another process cannot find out
                raise PalingenError(line) from error
            raise
        finally:
            torch.set_num_threads(threads)  # one job is computed in the process of the caller
