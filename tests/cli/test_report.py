"""`palingen report`."""

import json

import pytest
from support import ROOT

from palingen.cli import report


@pytest.fixture(autouse=True)
def one_file_each(monkeypatch):
    """Replace the figures, tables and pages, which take long and are tested elsewhere, by one small file each."""

    def write(folder, records):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"file-{len(list(folder.glob('file-*')))}"
        path.write_text(records)
        return [path]

    monkeypatch.setattr(report, "read_records", lambda folder: f"records of {folder}")
    for name in ("write_figures", "write_tables", "write_report"):
        monkeypatch.setattr(report, name, write)


def test_the_report_goes_to_out_and_leaves_the_records_alone(palingen, tmp_path):
    (tmp_path / "records" / "runs").mkdir(parents=True)
    result = json.loads(palingen("report", "--records", "records", "--out", "there", "--json").stdout)
    assert result == {"folder": "there", "files": ["there/file-0", "there/file-1", "there/file-2"]}
    assert (tmp_path / "there" / "file-0").read_text() == "records of records"
    assert list((tmp_path / "records" / "runs").iterdir()) == []


def test_a_run_that_no_part_of_the_report_reads_is_named(palingen, tmp_path):
    for name in ("gan-course", "gan-residual-seed3", "memory-1000", "lstm-T5", "gan-corse"):
        (tmp_path / "records" / "runs" / name).mkdir(parents=True)
    lines = palingen("report", "--records", "records", "--out", "there").stderr.splitlines()
    names = ("gan-corse", "lstm-T5")
    assert [line.partition(" is read by no part")[0] for line in lines] == [f"report: records/runs/{n}" for n in names]


def test_without_a_report_in_the_folder_that_of_the_package_is_built_elsewhere(palingen, tmp_path):
    result = json.loads(palingen("report", "--json").stdout)
    assert result["folder"] == "runs/report"
    assert (tmp_path / "runs" / "report" / "file-0").read_text() == f"records of {ROOT / 'report'}"
    assert json.loads(palingen("report", "--out", "there", "--json").stdout)["folder"] == "there"


def test_by_default_the_report_goes_beside_its_records_with_a_new_summary_of_the_models(palingen, tmp_path):
    (tmp_path / "report" / "runs").mkdir(parents=True)
    assert json.loads(palingen("report", "--json").stdout)["folder"] == "report"
    assert "gan" in json.loads((tmp_path / "report" / "runs" / "model_summary.json").read_text())
