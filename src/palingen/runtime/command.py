"""Command line that is running, for the environments of its runs. Needs no torch."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_COMMAND: ContextVar[str | None] = ContextVar("command", default=None)


def current_command() -> str | None:
    """Command that is running, as a shell reads it; None in a notebook or another program."""
    return _COMMAND.get()


@contextmanager
def running_command(command: str | None) -> Iterator[None]:
    """Context in which `command` is the one that is running."""
    token = _COMMAND.set(command)
    try:
        yield
    finally:
        _COMMAND.reset(token)
