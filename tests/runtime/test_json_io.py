import json
from pathlib import Path

import pytest

from palingen.runtime import json_io
from palingen.runtime.errors import DataError
from palingen.runtime.json_io import parse_json, read_json, read_json_lines, require_shape

RUN = {"kind": str, "loss": float, "norm": (float, None), "gates": {...: [[float]]}}

GOOD = {"kind": "result", "loss": 1, "norm": None, "gates": {"f": [[0.5, 1.0]], "i": []}, "more": "is allowed"}


def test_a_file_of_the_shape_is_read(tmp_path):
    path = tmp_path / "run.json"
    path.write_text(json.dumps(GOOD))
    assert read_json(path, RUN) == GOOD


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": 3}, "kind is 3"),
        ({"loss": True}, "loss is true"),
        ({"loss": "low"}, 'loss is "low"'),
        ({"norm": "none"}, 'norm is "none"'),
        ({"gates": {"f": [[0.5, None]]}}, r"gates.f\[0\]\[1\] is null"),
        ({"gates": {"f": [[0.5, 2e30]]}}, r"gates.f\[0\]\[1\] is 2e\+30"),
        ({"gates": {"f": [[0.5], [1, True]]}}, r"gates.f\[1\]\[1\] is true"),
        ({"gates": [0.5]}, r"gates is \[0.5\]"),
    ],
)
def test_another_shape_is_refused_by_the_part_that_differs(change, message):
    with pytest.raises(DataError, match=rf"^run.json: damaged \({message}\); train again$"):
        parse_json(json.dumps(GOOD | change), Path("run.json"), RUN, advice="train again")


def test_a_missing_key_is_named():
    with pytest.raises(ValueError, match=r"^\[1\].loss is missing$"):
        require_shape([{"loss": 1.0}, {}], [{"loss": float}])


def test_alternatives_are_tried_in_turn():
    shape = [({"a": int}, {"b": int})]
    require_shape([{"a": 1}, {"b": 2}], shape)
    with pytest.raises(ValueError, match=r"\[0\].b is missing"):
        require_shape([{"c": 1}], shape)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Expecting value"),
        (b'{"a": 1', "Expecting"),
        (b"\xff\xfe", "can't decode"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"[NaN]", "NaN is not a finite number"),
        (b"[-Infinity]", "-Infinity is not a finite number"),
        (b"[1e999]", "1e999 is not a finite number"),
        (b"[0.5, -12E+0310]", r"-12E\+0310 is not a finite number"),
        (b"[" + b"9" * 310 + b".0]", "9{20} is not a finite number"),
        (b"[" + b"9" * 5000 + b"]", "Exceeds the limit"),
    ],
)
def test_every_damage_is_one_line_with_the_file_and_what_to_do(tmp_path, content, reason):
    path = tmp_path / "score.json"
    path.write_bytes(content)
    for read in (read_json, read_json_lines):
        if content or read is read_json:  # no lines are no records
            with pytest.raises(DataError, match=reason) as refusal:
                read(path, advice="score again")
            assert str(refusal.value).startswith(f"{path}: damaged (")
            assert str(refusal.value).endswith("); score again")
            assert "\n" not in str(refusal.value)


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match=r"study.json: missing; study again$"):
        read_json(tmp_path / "study.json", advice="study again")


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(json_io, "MAX_BYTES", 2 * 2**20)
    path = tmp_path / "records.jsonl"
    with path.open("wb") as file:
        file.truncate(2**21 + 1)
    with pytest.raises(DataError, match=r"damaged \(larger than 2 MB\)"):
        read_json_lines(path)


def test_the_line_of_a_damaged_record_is_named(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text('{"kind": "step"}\n{"kind": "st\n')
    with pytest.raises(DataError, match=r"damaged \(line 2: "):
        read_json_lines(path, {"kind": str})


def test_the_last_line_of_a_growing_file_is_left_out_until_it_has_an_end(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text('{"epoch": 1}\n{"epoch": 2}\n{"epo')
    assert read_json_lines(path, {"epoch": int}, growing=True) == [{"epoch": 1}, {"epoch": 2}]
    with pytest.raises(DataError, match="line 3"):
        read_json_lines(path, {"epoch": int})
    path.write_text('{"epo')
    assert read_json_lines(path, {"epoch": int}, growing=True) == []
