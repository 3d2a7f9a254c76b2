"""Thousands of hostile values for every field, flag and argument, under a ceiling of memory."""

import random
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_inputs import run_api_cases
from hostile_inputs import (
    BLOCKED,
    VERBS,
    Tally,
    block_trainings,
    command_cases,
    config_cases,
    try_command,
    try_config,
)

pytestmark = pytest.mark.torture

CEILING = 3 * 10**9
"""Bytes of address space that all cases may take beyond those of the test process."""


@pytest.fixture
def memory_ceiling() -> Iterator[None]:
    """Limit of the address space; what does not fit ends in an error, not in the machine's memory."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + CEILING, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def test_every_hostile_value_of_every_field_is_refused_in_one_line():
    source, tally = random.Random(0), Tally()
    for kind in dict.fromkeys(VERBS.values()):
        for case in config_cases(kind, source, numbers=30):
            tally.add(kind.__name__, try_config(kind, *case))
    print(tally.report())
    assert not tally.failures
    assert tally.total >= 2000


def test_every_hostile_command_line_ends_in_one_line_and_exit_code_2(palingen, tmp_path, monkeypatch, memory_ceiling):
    block_trainings(monkeypatch, tmp_path)
    source, tally = random.Random(0), Tally()
    for arguments in command_cases(source):
        tally.add(" ".join(arguments[:2]), try_command(palingen, arguments))
    print(tally.report())
    assert not tally.failures
    assert tally.total >= 2000
    assert [path.name for path in tmp_path.iterdir()] == [BLOCKED]


def test_every_hostile_argument_of_the_python_api_is_refused_in_one_line():
    tally = run_api_cases(rounds=20)
    print(tally.report())
    assert not tally.failures
    assert tally.total >= 500
