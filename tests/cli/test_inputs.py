"""Hostile input in its short form; `tests/torture/test_inputs.py` has thousands of cases."""

import random

from api_inputs import run_api_cases
from hostile_inputs import (
    BLOCKED,
    MUST_FAIL_AT_ONCE,
    VERBS,
    Tally,
    block_trainings,
    command_cases,
    config_cases,
    try_command,
    try_config,
)

COMMANDS = 60
"""Command lines of the short form, drawn from all."""


def test_hostile_values_of_every_config_field_are_refused_in_one_line():
    source, tally = random.Random(1), Tally()
    for kind in dict.fromkeys(VERBS.values()):
        for case in config_cases(kind, source, numbers=1):
            tally.add(kind.__name__, try_config(kind, *case))
    print(tally.report())
    assert not tally.failures
    assert tally.total > 1000


def test_hostile_command_lines_end_in_one_line_and_exit_code_2(palingen, tmp_path, monkeypatch):
    block_trainings(monkeypatch, tmp_path)
    source, tally = random.Random(1), Tally()
    drawn = source.sample(list(command_cases(source)), COMMANDS)
    for arguments in (*drawn, *(tuple(command.split()) for command in MUST_FAIL_AT_ONCE)):
        tally.add(" ".join(arguments[:2]), try_command(palingen, arguments))
    print(tally.report())
    assert not tally.failures
    assert [path.name for path in tmp_path.iterdir()] == [BLOCKED]


def test_hostile_arguments_of_the_python_api_are_refused_in_one_line():
    tally = run_api_cases(rounds=0)
    print(tally.report())
    assert not tally.failures
    assert tally.total > 300
