"""Fixtures of the command-line tests."""

import subprocess
from collections.abc import Callable

import pytest

ErrorLine = Callable[[subprocess.CompletedProcess[str]], str]


@pytest.fixture
def error_line() -> ErrorLine:
    """Check that a command ended with exit code 2 and one line on standard error; return the line."""

    def check(run: subprocess.CompletedProcess[str]) -> str:
        assert run.returncode == 2, run.stderr
        assert run.stdout == ""
        (line,) = run.stderr.splitlines()
        assert line.startswith("palingen: error: ")
        return line

    return check
