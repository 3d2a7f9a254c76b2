"""Ctrl-C as a request to stop between two steps, so that nothing is lost."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_last_interrupt = 0.0
"""Time of the last SIGINT that was only noted."""


@contextmanager
def graceful_interrupt() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether SIGINT or SIGTERM has arrived; a second signal raises KeyboardInterrupt.

    Signals can only be caught in the main thread; elsewhere the function always returns False.
    """
    stop_requested = False

    def request_stop(number: int, frame: FrameType | None) -> None:
        nonlocal stop_requested
        if stop_requested:
            raise KeyboardInterrupt
        stop_requested = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    previous = {number: signal.signal(number, request_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: stop_requested
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def note_interrupts() -> None:
    """Note SIGINT instead of raising KeyboardInterrupt, in a worker that has no run: Ctrl-C reaches it too."""
    signal.signal(signal.SIGINT, _note_interrupt)


@contextmanager
def interruptible(since: float) -> Iterator[None]:
    """Context of a run in which SIGINT raises KeyboardInterrupt again, where `note_interrupts` was called.

    Args:
        since: start of the study, as `time.time()`. A SIGINT noted after it is raised at once.
    """
    if signal.getsignal(signal.SIGINT) is not _note_interrupt:
        yield
        return
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if _last_interrupt > since:
            raise KeyboardInterrupt
        yield
    finally:
        note_interrupts()


def _note_interrupt(number: int, frame: FrameType | None) -> None:
    global _last_interrupt
    _last_interrupt = time.time()
