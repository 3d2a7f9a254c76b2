"""Ctrl-C as a request to stop between two steps, so that nothing is lost."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType

from palingen.runtime.errors import Interrupted

_last_interrupt = 0.0
"""Time of the last SIGINT that was only noted."""

_study: ContextVar[str | None] = ContextVar("study", default=None)
"""Study that the run of this thread belongs to."""

_stopped_studies: set[str] = set()
"""Studies whose runs in this process are to stop."""


@contextmanager
def graceful_interrupt() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether SIGINT or SIGTERM has arrived; a second signal raises KeyboardInterrupt.

    Signals can only be caught in the main thread; elsewhere the function returns whether `stop_study` was called.
    """
    stop_requested = False

    def request_stop(number: int, frame: FrameType | None) -> None:
        nonlocal stop_requested
        if stop_requested:
            raise KeyboardInterrupt
        stop_requested = True

    if threading.current_thread() is not threading.main_thread():
        study = _study.get()
        yield lambda: study in _stopped_studies
        return
    previous = {number: signal.signal(number, request_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: stop_requested
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def stop_study(study: str) -> None:
    """Stop the runs of a study that are in threads of this process, as SIGINT would."""
    _stopped_studies.add(study)


def note_interrupts() -> None:
    """Note SIGINT instead of raising KeyboardInterrupt, in a worker that has no run: Ctrl-C reaches it too."""
    signal.signal(signal.SIGINT, _note_interrupt)


@contextmanager
def interruptible(study: str, since: float) -> Iterator[None]:
    """Context of a run that can be stopped: by SIGINT, also where `note_interrupts` was called, and by `stop_study`.

    After a run that SIGINT stopped, the next one of the study that waits for this worker stops at once.

    Args:
        study: identity of its study.
        since: start of the study, as `time.time()`. A SIGINT noted after it is raised at once.
    """
    token = _study.set(study)
    is_noted = signal.getsignal(signal.SIGINT) is _note_interrupt
    try:
        if is_noted:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if _last_interrupt > since:
                raise KeyboardInterrupt
        yield
    except (Interrupted, KeyboardInterrupt):
        if is_noted:
            _note_interrupt()
        raise
    finally:
        _study.reset(token)
        if is_noted:
            note_interrupts()


def _note_interrupt(number: int = signal.SIGINT, frame: FrameType | None = None) -> None:
    global _last_interrupt
    _last_interrupt = time.time()
