"""Runs on a Ray cluster. joblib's Ray backend cannot yield results in the order in which they finish."""

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import ray

from palingen.runtime.errors import PalingenError
from palingen.runtime.validation import require

Result = TypeVar("Result")

CONNECT_TIMEOUT_S = 10.0
"""Seconds in which the head must accept a connection."""

AUTH_VARIABLE = "RAY_AUTH_MODE"
"""Variable that lets Ray send its token. Ray sends none to an address by itself, whatever machine that may be."""


def map_on_ray(
    work: Callable[[Any], Result],
    runs: Sequence[Any],
    jobs: int | None,
    address: str | None,
    stop_requested: Callable[[], bool],
) -> Iterator[Result]:
    """Yield `work(run)` for every run, in the order in which they finish.

    A run whose worker dies is started again up to three times, and resumes from its checkpoint.

    Args:
        work: function that a worker can import.
        runs: its arguments.
        jobs: runs at the same time; by default as many as the cluster has CPUs.
        address: address of the cluster's head; by default a cluster is started on this machine.
        stop_requested: whether to start no more runs, and to interrupt those that are running.

    Raises:
        PalingenError: the cluster cannot be reached, or a worker died again and again.
    """
    if address is not None:
        _require_reachable(address)
    try:
        # without "local", Ray would join the last cluster that was started on this machine
        ray.init(address=address or "local", log_to_driver=False, include_dashboard=False if address is None else None)
    except (ConnectionError, ValueError, RuntimeError) as error:
        message = f"scheduler_address={address!r}: no Ray cluster there ({_first_line(error)})"
        if AUTH_VARIABLE not in os.environ:
            message += f"; one that asks for a token needs {AUTH_VARIABLE}=token here too"
        raise PalingenError(message) from error
    try:
        yield from _map(work, runs, jobs or _cluster_cpus(), stop_requested)
    except ray.exceptions.RayError as error:
        message = f"a Ray worker died (out of memory?); the same command resumes the study ({_first_line(error)})"
        raise PalingenError(message) from error
    finally:
        ray.shutdown()


def _require_reachable(address: str) -> None:
    """Connect to the head, since Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    valid = bool(host) and port.isdigit() and 0 < int(port) < 2**16
    require("scheduler_address", address, valid, "must be HOST:PORT")
    try:
        socket.create_connection((host, int(port)), CONNECT_TIMEOUT_S).close()
    except OSError as error:
        message = f"scheduler_address={address!r}: no Ray cluster there ({error.strerror or error})"
        raise PalingenError(message) from error


def _map(
    work: Callable[[Any], Result], runs: Sequence[Any], jobs: int, stop_requested: Callable[[], bool]
) -> Iterator[Result]:
    task: Any = ray.remote(num_cpus=1, max_retries=3)(_call)
    waiting, running = list(reversed(runs)), list[Any]()
    cancelled = False
    while running or (waiting and not stop_requested()):
        while waiting and len(running) < jobs and not stop_requested():
            running.append(task.remote(work, waiting.pop()))
        finished, running = ray.wait(running, num_returns=1, timeout=0.5)
        if stop_requested() and not cancelled:
            cancelled = True
            for reference in running:
                ray.cancel(reference, force=False)  # raises the interrupt that makes a run save and stop
        for reference in finished:
            try:
                yield ray.get(reference)
            except ray.exceptions.TaskCancelledError:
                continue
            except ray.exceptions.RayTaskError as error:
                raise error.cause from error


def _cluster_cpus() -> int:
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return max(1, int(resources.get("CPU", 1)))


def _call(work: Callable[[Any], Result], run: Any) -> Result:
    return work(run)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
