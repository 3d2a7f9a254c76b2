import contextlib
import io

import pytest
from rich.text import Text

from palingen.runtime.progress import progress


class Terminal(io.StringIO):
    """Standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_bar_ends_with_the_counts_the_time_and_the_latest_numbers(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    with (
        contextlib.redirect_stderr(terminal),
        progress("gan", 3, "steps", done=1, above=lambda: Text("a table")) as bar,
    ):
        bar.advance(2, real_accuracy=0.75)
        bar.advance(3, "seed 0", real_accuracy=0.5)
    last = terminal.getvalue().split("3/3 steps, took 0 s")[-1]
    assert "seed 0: real accuracy 0.5" in last
    assert "a table" not in last


def test_work_that_stops_early_ends_without_a_time_left(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    with contextlib.redirect_stderr(terminal), progress("lstm", 1000, "steps") as bar:
        bar.advance(1)
    assert "1/1000 steps, took 0 s" in terminal.getvalue().splitlines()[-2]


def test_an_error_ends_the_bar_and_shows_the_cursor_again(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    with pytest.raises(KeyboardInterrupt), contextlib.redirect_stderr(terminal), progress("gan", 3, "steps"):
        raise KeyboardInterrupt
    assert terminal.getvalue().endswith("\x1b[?25h")
