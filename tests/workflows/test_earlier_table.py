"""Reproductions over several machines: numbers of an earlier table stand where nothing has been computed."""

import json
from dataclasses import replace

import pytest
from support import ROOT

from palingen.workflows.reproduce.differences import ReportNumbers, compare_reports
from palingen.workflows.reproduce.earlier_table import fill_in, read_comparison
from palingen.workflows.reproduce.measurements import Measurement

COMMITTED = ROOT / "report" / "reproduction.json"

RECORDED = {"RNN": {"seed 0": 1.0, "seed 1": 3.0}, "LSTM": {"seed 0": 4.0, "seed 1": 4.5}, "GRU": {"seed 0": 2.0}}
ENTRY = {
    "finished": "2026-11-26", "seconds": 1.0, "model": "a", "processor": "b", "threads": 1, "system": "c",
    "python": "3.12", "torch": "2.13.0", "palingen": "0.1.0", "commit": None,
}  # fmt: skip


def numbers(**groups):
    """Numbers of one part, each with its runs."""
    return ReportNumbers([Measurement("part", group, "fd", runs) for group, runs in groups.items()], {})


def table(log=(), **reproduced):
    """Comparison of some reproduced groups with the records."""
    return compare_reports(numbers(**RECORDED), numbers(**reproduced), {f"part/{step}": ENTRY for step in log})


def groups_of(comparison):
    return {number.group: number.reproduced for number in comparison.numbers if number.reproduced is not None}


def test_an_earlier_table_fills_in_what_has_not_been_computed_and_nothing_else():
    now, before = table(["now"], RNN={"seed 0": 1.5}), table(["before"], RNN=RECORDED["RNN"], GRU={"seed 0": 9.0})
    joined = fill_in(now, before)
    assert groups_of(joined) == {"RNN": 1.5, "GRU": 9.0}
    (part,) = joined.parts
    assert part.verdicts == {"equal": 0, "within": 1, "outside": 1, "timing": 0, "not run yet": 1}
    assert part.numbers == 3
    assert list(part.log) == ["part/before", "part/now"]


def test_environments_of_several_sittings_are_named_once():
    now, before = table(["now"], RNN={"seed 0": 1.5}), table(["before"], GRU={"seed 0": 9.0})
    sittings = [
        replace(comparison, parts=[replace(comparison.parts[0], environment=environment)])
        for comparison, environment in ((now, "the same"), (before, "threads 2 → 1; the same"))
    ]
    (part,) = fill_in(*sittings).parts
    assert part.environment == "threads 2 → 1; the same"


def test_without_anything_to_add_a_table_stays_as_it_is():
    now = table(["now"], RNN=RECORDED["RNN"], GRU=RECORDED["GRU"])
    assert fill_in(now, table(["before"], GRU={"seed 0": 9.0})) == now


def test_numbers_of_other_records_are_left_out():
    before = table(LSTM=RECORDED["LSTM"], GRU=RECORDED["GRU"])
    changed = {**RECORDED, "LSTM": {"seed 0": 4.0, "seed 1": 4.6}, "GRU": {"seed 0": 2.1}}
    now = compare_reports(numbers(**changed), numbers(), {})
    assert groups_of(fill_in(now, before)) == {}


def test_some_runs_of_a_record_are_those_of_the_same_record():
    before = table(LSTM={"seed 1": 4.5})
    assert before.numbers[1].recorded != table().numbers[1].recorded
    assert groups_of(fill_in(table(), before)) == {"LSTM": 4.5}


def test_a_table_is_read_as_it_was_written(tmp_path):
    written = table(["before"], RNN=RECORDED["RNN"])
    path = tmp_path / "differences.json"
    path.write_text(json.dumps(written.as_record()))
    assert read_comparison(path) == written


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "missing; name the differences.json of a reproduction"),
        ("{}", "damaged (parts is missing)"),
        ('{"parts": [], "numbers": [{}]}', "damaged (numbers[0].part is missing)"),
        (json.dumps(table().as_record()).replace("not run yet", "fine"), "damaged (unknown verdict 'fine')"),
    ],
)
def test_a_bad_table_ends_in_one_line_before_anything_is_computed(palingen, tmp_path, content, message):
    path = tmp_path / "earlier.json"
    if content is not None:
        path.write_text(content)
    run = palingen("reproduce", "--only", "model-summary", "--earlier", path, "--out", tmp_path / "out")
    assert (run.returncode, run.stderr.count("\n"), run.stdout) == (2, 1, "")
    assert message in run.stderr
    assert not (tmp_path / "out").exists()


def test_the_command_continues_the_table_of_the_documentation(palingen):
    run = palingen("reproduce", "--only", "model-summary", "--earlier", COMMITTED, "--out", "out", "--json")
    assert run.returncode == 0
    before = {part["part"]: part["verdicts"] for part in json.loads(COMMITTED.read_text())["parts"]}
    after = {part["part"]: part["verdicts"] for part in json.loads(run.stdout)["parts"]}
    assert before["ablations"]["within"] > 0
    assert after["ablations"] == before["ablations"]
    assert after["model-summary"]["equal"] == 14
