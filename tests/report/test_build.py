import shutil

import pytest
from fake_records import link_subset
from PIL import Image
from support import ROOT

from palingen.report import build
from palingen.report.typst_inputs import TEMPLATE
from palingen.runtime.errors import DataError

REPORT = ROOT / "report"


@pytest.fixture(scope="module")
def tables(committed, tmp_path_factory):
    """Paths of the tables of the committed records."""
    return build.write_tables(tmp_path_factory.mktemp("tables"), committed)


def test_every_figure_and_table_of_the_committed_records_is_made(tmp_path, committed, tables):
    paths = {path.relative_to(tmp_path) for path in build.write_figures(tmp_path, committed)}
    paths |= {path.relative_to(path.parent) for path in tables}
    expected = {path.relative_to(REPORT) for path in (*REPORT.glob("figures/*"), *REPORT.glob("*.md"))}
    assert paths == {path for path in expected if path.name not in ("README.md", "reproduction.md")}
    for path in tmp_path.glob("figures/*"):
        with Image.open(path) as image:
            assert image.width > 900


@pytest.mark.parametrize("name", ["results.md", "ablations.md", "readme_table.md"])
def test_the_committed_tables_are_those_of_the_committed_records(tables, name):
    (path,) = [path for path in tables if path.name == name]
    assert path.read_text() == (REPORT / name).read_text(), "run `palingen report` again"


def test_what_has_no_records_is_not_made(tmp_path):
    folder = link_subset(tmp_path / "report", "gan-course")
    names = {path.name for path in build.build_report(folder)}
    assert names == {"snapshots.png", "gan_curves.png", "results.md", "readme_table.md", "report.pdf", "report.html"}


def test_the_report_of_another_folder_stops_at_a_damaged_record(tmp_path):
    run = tmp_path / "runs" / "gan-course"
    shutil.copytree(REPORT / "runs" / "gan-course", run, ignore=shutil.ignore_patterns("snapshots"))
    (run / "end.npy").write_bytes(b"no array")
    with pytest.raises(DataError, match=r"end\.npy: damaged"):
        build.build_report(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_the_picture_of_the_page_is_small():
    picture = TEMPLATE / "memory-page.png"
    assert picture.stat().st_size < 150_000
    with Image.open(picture) as image:
        assert image.size == (1180, 1000)
