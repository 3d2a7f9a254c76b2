import json

import pytest
import torch
from conftest import ROOT

from palingen.errors import DataError
from palingen.reproduce import Reproduction, closeness
from palingen.workers import Workers

KEPT = ROOT / "report" / "runs"


def parts(out, *, quick=False, kept=KEPT):
    return Reproduction(kept, out, torch.device("cpu"), Workers(jobs=1), quick).parts()


def test_every_kept_run_is_made_again_with_its_own_settings(tmp_path):
    made = {part.name for part in parts(tmp_path)}
    kept = {path.parent.relative_to(KEPT).as_posix() for path in KEPT.glob("**/study.json")}
    kept |= {path.name for path in KEPT.glob("gan-*")} | {"palindromes", "inside"}
    assert made == kept
    assert not list(tmp_path.iterdir())  # nothing runs before it is asked for


def test_the_time_it_takes_is_that_of_the_kept_records(tmp_path):
    seconds = {part.name: part.seconds for part in parts(tmp_path)}
    course = json.loads((KEPT / "gan-course" / "records.jsonl").read_text().splitlines()[-1])
    assert seconds["gan-course"] == course["seconds"]


def test_what_was_kept_is_as_close_to_itself_as_can_be():
    rows = closeness(KEPT, KEPT)
    assert {row["largest_difference"] for row in rows} == {0.0}
    assert all(row["runs"] == row["of"] for row in rows)


def test_a_little_of_everything_comes_to_pictures_and_tables_and_is_not_made_twice(
    palingen, tmp_path, real, monkeypatch
):
    for user in ("palingen.reproduce", "palingen.adversarial.study"):
        monkeypatch.setattr(f"{user}.yardstick", lambda: real)  # it has looked at the real images already
    command = ("reproduce", "--quick", "--jobs", 1, "--device", "cpu", "--out", "again", "--json")
    run = palingen(*command)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert {row["part"] for row in found["parts"]} == {part.name for part in parts(tmp_path, quick=True)} - {"inside"}
    assert all((tmp_path / file).exists() for file in found["files"])
    assert {"overview.png", "between.png", "results.md"} <= {file.split("/")[-1] for file in found["files"]}
    weights = tmp_path / "again" / "runs" / "gan-course" / "weights.safetensors"
    made = weights.stat().st_mtime_ns
    assert palingen(*command).returncode == 0
    assert weights.stat().st_mtime_ns == made


def test_missing_records_are_named(tmp_path):
    with pytest.raises(DataError, match="missing or damaged"):
        parts(tmp_path, kept=tmp_path / "nothing")
