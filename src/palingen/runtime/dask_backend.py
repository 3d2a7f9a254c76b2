"""Runs on a Dask cluster. joblib's Dask backend computes in the process of the caller if the cluster has one core."""

import logging
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any, TypeVar

from distributed import Client, KilledWorker, WorkerPlugin, as_completed

from palingen.runtime.errors import PalingenError
from palingen.runtime.signals import stop_study
from palingen.runtime.validation import quote

Result = TypeVar("Result")

WORKERS_TIMEOUT_S = 10.0
"""Seconds in which a cluster must have a worker."""


def map_on_dask(
    work: Callable[[Any], Result],
    runs: Sequence[Any],
    jobs: int | None,
    address: str | None,
    study: str,
    stop_requested: Callable[[], bool],
) -> Iterator[Result]:
    """Yield `work(run)` for every run, in the order in which they finish.

    Args:
        work: function that a worker can import.
        runs: its arguments.
        jobs: runs at the same time; by default as many as the workers have threads.
        address: address of the cluster's scheduler; by default a cluster is started on this machine.
        study: identity of the study, whose runs are stopped in the workers by `stop_study`.
        stop_requested: whether to start no more runs, and to stop those that are running.

    Raises:
        PalingenError: the cluster cannot be reached, has no worker or workers with several threads, or was lost; or
            a worker died again and again.
    """
    with _connect(address, jobs) as client, _forwarding_stop(client, study, stop_requested):
        try:
            client.wait_for_workers(1, timeout=WORKERS_TIMEOUT_S)
        except TimeoutError as error:
            raise PalingenError(f"{client.scheduler.address}: the Dask cluster there has no workers") from error
        _require_single_threads(client, address)
        try:
            yield from _map(client, work, runs, jobs or sum(client.nthreads().values()), stop_requested)
        except KilledWorker as error:
            raise PalingenError("a Dask worker died (out of memory?); the same command resumes the study") from error
        except CancelledError as error:
            raise PalingenError("Dask's scheduler was lost; the same command resumes the study") from error


def _connect(address: str | None, jobs: int | None) -> Client:
    """Client of a scheduler, or of new processes with one thread each, since threads would share torch's settings."""
    options: dict[str, Any] = {"address": address}
    if address is None:
        options = {
            "n_workers": jobs or os.cpu_count() or 1,
            "threads_per_worker": 1,
            "dashboard_address": "127.0.0.1:0",  # any free port, also beside other studies
            "silence_logs": logging.ERROR,  # a busy machine ends workers late, and warns of it
        }
    try:
        client = Client(**options)
    except (OSError, ValueError) as error:
        raise PalingenError(f"scheduler_address={quote(address)}: no scheduler answers ({error})") from error
    if address is None:
        client.register_plugin(_IgnoreInterrupts())
    return client


def _require_single_threads(client: Client, address: str | None) -> None:
    """Check that no worker computes two runs at a time, which would share torch's random generator and settings."""
    most = max(client.nthreads().values())
    if most > 1:
        rule = f"a worker there has {most} threads, whose runs would share one random generator"
        raise PalingenError(f"scheduler_address={quote(address)}: {rule}; start workers with --nthreads 1")


class _IgnoreInterrupts(WorkerPlugin):
    """Lets a worker of this terminal ignore Ctrl-C, which would end it before its run is saved."""

    def setup(self, worker: Any) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _map(
    client: Client,
    work: Callable[[Any], Result],
    runs: Sequence[Any],
    jobs: int,
    stop_requested: Callable[[], bool],
) -> Iterator[Result]:
    waiting, running = list(reversed(runs)), as_completed()
    while not running.is_empty() or (waiting and not stop_requested()):
        while waiting and running.count() < jobs and not stop_requested():
            running.add(client.submit(work, waiting.pop(), pure=False))  # never taken for an equal one of before
        if not running.is_empty():
            yield next(running).result()


@contextmanager
def _forwarding_stop(client: Client, study: str, stop_requested: Callable[[], bool]) -> Iterator[None]:
    """Context in which a stop request, or an error, stops the runs in the workers, which no signal reaches."""
    ended = Event()

    def forward_stop() -> None:
        while not ended.wait(0.5):
            if stop_requested():
                client.run(stop_study, study, on_error="ignore")
                return

    forwarding = Thread(target=forward_stop, daemon=True)
    forwarding.start()
    try:
        yield
    except BaseException:  # also where the caller asks for no more results
        with suppress(Exception):  # the first error is the one to report
            client.run(stop_study, study, on_error="ignore")
        raise
    finally:
        ended.set()
        forwarding.join()
