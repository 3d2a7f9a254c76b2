"""`palingen doctor`."""

import json

import pytest

from palingen.cli import doctor
from palingen.workflows.doctor import Check

CHECKS = [
    Check("torch", "ok", "2.13.0+cpu"),
    Check("compiler", "absent", "no C++ compiler found", "install g++"),
    Check("extra export", "broken", "ImportError: " + "long " * 40, "install again"),
]


@pytest.fixture
def three_checks(monkeypatch):
    """Results of an installation with something absent and something broken."""
    monkeypatch.setattr(doctor, "examine", lambda: iter(CHECKS))


def test_every_check_is_a_row_with_advice_below_and_the_exit_code_is_0(palingen, three_checks):
    run = palingen("doctor")
    assert run.returncode == 0
    lines = run.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].split() == ["ok", "torch", "2.13.0+cpu"]
    assert lines[2].strip() == "install g++"
    assert lines[-1] == "1 ok, 1 absent, 1 broken"


def test_the_checks_as_json(palingen, three_checks):
    checks = json.loads(palingen("doctor", "--json").stdout)["checks"]
    assert [check["status"] for check in checks] == ["ok", "absent", "broken"]
    assert set(checks[0]) == {"name", "status", "detail", "advice"}
