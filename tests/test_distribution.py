"""The source archive and the wheel, built as for a release; the wheel works in an empty folder, without the project."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from support import ROOT

from palingen.workflows.doctor import MAX_PYTHON, MIN_PYTHON

sys.path.insert(0, str(ROOT / "scripts"))

import check_distribution

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

DRIVER = """
import contextlib, io, json, sys
from palingen.cli import main
for arguments in json.loads(sys.argv[1]):
    sys.argv, code, out, err = ["palingen", *arguments], 0, io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code
    print(json.dumps([code, out.getvalue(), err.getvalue()]))
"""

TINY = ["--epochs", "1", "--num-samples", "200", "--hidden-size", "8"]

CALLS = {
    "palindrome train": [*TINY, "--cell", "gru", "--length", "5", "--out", "gru"],
    "palindrome study": [*TINY, "--cells", "rnn", "--lengths", "5", "--seeds", "1", "--jobs", "1", "--out", "study"],
    "palindrome analyze": ["gru"],
    "palindrome export": ["study", "--cell", "rnn", "--length", "5", "--out", "rnn"],
    "gan train": ["--epochs", "1", "--data", "digits", "--batch-size", "50", "--out", "gan"],
    "gan sample": ["pretrained:residual", "--count", "2"],
    "gan interpolate": ["pretrained:course", "--classes", "3", "8"],
    "runs": [],
    "show": ["gru"],
    "diff": ["gru", "study/rnn-T5-seed0"],
    "explore": ["--only", "memory", "--no-open"],
    "report": [],
}
"""A call of each verb that takes seconds; the others share their code."""


def run(command, folder, **options):
    return subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, timeout=600, **options)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Folder with the source archive, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    build = run([sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, "."], ROOT)
    assert build.returncode == 0, build.stdout + build.stderr
    return folder


def empty_environment(folder):
    """Python of an environment with the packages of this one, but without palingen."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "shared.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def installed(tmp_path_factory, built):
    """Python of an environment into which the first cell of the notebooks has installed the wheel beside it."""
    folder = tmp_path_factory.mktemp("upload")
    python = empty_environment(folder / "environment")
    assert run([python, "-c", "import palingen"], folder, env={}).returncode != 0
    shutil.copy(next(built.glob("*.whl")), folder)
    install = run([python, ROOT / "assignment" / "install.py"], folder, env={})
    assert install.returncode == 0, install.stderr
    assert install.stdout.startswith("installing ")
    return python


def test_the_archive_and_the_wheel_have_valid_metadata_and_all_files_and_no_other(built):
    (wheel,), (archive,) = built.glob("*.whl"), built.glob("*.tar.gz")
    assert list(check_distribution.check_wheel(wheel)) == []
    assert list(check_distribution.check_archive(archive)) == []
    assert 20e6 < wheel.stat().st_size < 40e6


def test_missing_foreign_and_changed_files_of_a_wheel_are_found(tmp_path):
    path = tmp_path / "palingen-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tests/test_cells.py", "")
        archive.writestr("palingen-0.1.0.dist-info/METADATA", "Metadata-Version: 2.4\nName: palingen\nVersion: 0.0.9\n")
        archive.writestr("palingen-0.1.0.dist-info/RECORD", "tests/test_cells.py,sha256=0,0\n")
    findings = list(check_distribution.check_wheel(path))
    for finding in (
        "version='0.0.9': is not that of pyproject.toml",
        "palingen/recurrence/cells.py: missing",
        "palingen/report/runs/memory/study.json: missing",
        "tests/test_cells.py: does not belong there",
        "tests/test_cells.py: its hash is not that of the list of files",
    ):
        assert finding in findings


def test_invalid_metadata_are_found():
    (finding,) = check_distribution.check_metadata(b"Metadata-Version: 2.4\nName: palingen\nVersion: new\n")
    assert finding.startswith("invalid metadata: ")


def test_the_installed_wheel_is_what_is_imported_and_asks_for_what_pyproject_names(installed, tmp_path):
    script = (
        "import importlib.metadata as m, palingen; print(palingen.__file__, *sorted(m.requires('palingen')), sep='\\n')"
    )
    location, *requirements = run([installed, "-c", script], tmp_path, env={}).stdout.splitlines()
    assert Path(location).is_relative_to(installed.parents[1])
    assert {re.split(r"[<>=\[; ]", line)[0] for line in requirements if "extra" not in line} == {
        re.split(r"[<>=]", line)[0] for line in PROJECT["dependencies"]
    }


def test_the_verbs_work_in_an_empty_folder(installed, tmp_path, few_digits):
    (tmp_path / "digits").symlink_to(few_digits)
    calls = [[*verb.split(), *arguments] for verb, arguments in CALLS.items()]
    script = run([installed, "-c", DRIVER, json.dumps(calls)], tmp_path, env={})
    assert script.returncode == 0, script.stderr
    for call, line in zip(calls, script.stdout.splitlines(), strict=True):
        code, _, stderr = json.loads(line)
        assert code == 0, f"{' '.join(call)}: {stderr}"
    # Equal records give equal bytes; those in the wheel are also what `reproduce` repeats.
    for name in ("report.pdf", "report.html", "results.md"):
        assert (tmp_path / "runs" / "report" / name).read_bytes() == (ROOT / "report" / name).read_bytes()


@pytest.mark.torture
def test_bundle_needs_the_project_and_says_in_one_line_how_to_get_it(installed, built, tmp_path):
    command = [installed.with_name("palingen"), "bundle", "--student-number", "12345678"]
    error = run(command, tmp_path, env={})
    assert (error.returncode, error.stdout) == (2, "")
    (line,) = error.stderr.splitlines()
    assert f"Unpack its source archive palingen-{PROJECT['version']}.tar.gz" in line
    run(["tar", "xzf", *built.glob("*.tar.gz")], tmp_path, check=True)
    (project,) = tmp_path.glob("palingen-*")
    assert run(command, project / "docs", env={}).returncode == 0
    assert (project / "docs" / "12345678_assignment3.zip").exists()


def test_the_first_cell_of_the_notebooks_and_the_citation_name_this_version():
    assert f"palingen=={PROJECT['version']}" in (ROOT / "assignment" / "install.py").read_text()
    assert f"version: {PROJECT['version']}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_workflow_runs_what_people_run_on_the_oldest_and_the_newest_python():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "check.yml").read_text())
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make check", "make test"]
    assert job["strategy"]["matrix"]["python"] == [f"{major}.{minor}" for major, minor in (MIN_PYTHON, MAX_PYTHON)]
    assert PROJECT["requires-python"] == ">={}.{}".format(*MIN_PYTHON)
