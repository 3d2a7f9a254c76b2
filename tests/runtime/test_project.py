import pytest
from support import ROOT

from palingen.runtime import project
from palingen.runtime.errors import DataError


@pytest.fixture
def unpacked(tmp_path):
    """An unpacked source archive, as small as it can be."""
    (tmp_path / "unpacked" / "src" / "palingen").mkdir(parents=True)
    (tmp_path / "unpacked" / "pyproject.toml").touch()
    return tmp_path / "unpacked"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package that was installed from a wheel."""
    package = tmp_path / "lib" / "python3" / "site-packages" / "palingen"
    monkeypatch.setattr(project, "PACKAGE_DIR", package)
    monkeypatch.setattr(project, "PROJECT_DIR", package.parents[1])
    return package


def test_a_checkout_uses_its_own_files_from_every_folder(tmp_path, unpacked, monkeypatch):
    monkeypatch.chdir(unpacked)
    assert project.project_folder() == ROOT
    assert project.report_folder() == ROOT / "report"


def test_the_project_is_found_from_every_folder_in_it_and_from_no_other(tmp_path, unpacked):
    folders = (ROOT, ROOT / "assignment", ROOT / "assignment" / "part1")
    assert [project.find_project(folder) for folder in folders] == [ROOT] * 3
    assert project.find_project(unpacked / "src") == unpacked
    assert project.find_project(tmp_path) is None


def test_an_installed_package_uses_the_project_that_it_is_called_in_and_its_own_records(
    installed, unpacked, monkeypatch
):
    monkeypatch.chdir(unpacked / "src")
    assert project.project_folder() == unpacked
    assert project.report_folder() == installed / "report"


def test_elsewhere_an_installed_package_says_what_to_unpack(installed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        DataError, match=r"Unpack its source archive palingen-[\d.]+\.tar\.gz.* and run the command there"
    ):
        project.project_folder()
