"""The hand-in, as a student makes it and a teacher opens it."""

import json
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT

from palingen.bundle import LARGEST, Student, bundle
from palingen.errors import ConfigError, PalingenError

STUDENT = Student(number="01234567", name="A. Student")


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    out = tmp_path_factory.mktemp("handin") / "bundle.zip"
    bundle(STUDENT, out, b"%PDF of A. Student")
    return out


def names(path):
    with zipfile.ZipFile(path) as archive:
        return [name.removeprefix("01234567_assignment3/") for name in archive.namelist()]


def test_everything_lies_in_one_folder_with_the_students_number_instructions_first(packed):
    with zipfile.ZipFile(packed) as archive:
        listed = archive.namelist()
        assert listed[0] == "01234567_assignment3/README.md"
        assert all(name.startswith("01234567_assignment3/") for name in listed)
        assert "A. Student, student number 01234567" in archive.read(listed[0]).decode()
        assert archive.testzip() is None


def test_all_that_the_course_asks_for_is_in(packed):
    wanted = {
        "report.pdf",
        "code/assignment/part1.ipynb",
        "code/assignment/part2.ipynb",
        "code/assignment/part1/lstm.py",
        "code/assignment/part2/my_gan.py",
        "code/src/palingen/recurrence/cells.py",
        "code/src/palingen/pretrained/course/end.safetensors",
        "code/report/runs/gan-course/records.jsonl",
        "code/report/explorer.html",
        "code/Makefile",
    }
    assert wanted <= set(names(packed))


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="only git knows what belongs to the project")
def test_nothing_stray_is_in_and_it_is_not_too_large(packed):
    known = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    strays = {name.removeprefix("code/") for name in names(packed)} - {*known, "README.md", "report.pdf"}
    assert strays == set()
    assert packed.stat().st_size < LARGEST


def test_every_file_that_the_instructions_name_is_there(packed):
    inside = names(packed)
    with zipfile.ZipFile(packed) as archive:
        told = archive.read("01234567_assignment3/README.md").decode()
    for name in re.findall(r"^\| `([^`]+)` \|", told, re.MULTILINE):
        assert any(one.startswith(name) for one in inside), name


def test_it_is_the_same_file_when_made_again(packed, tmp_path):
    bundle(STUDENT, tmp_path / "again.zip", b"%PDF of A. Student")
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()


@pytest.mark.parametrize("number", ["", "1234", "12a45678", "1" * 13, "../12345"])
def test_a_number_that_is_none_is_refused(number):
    with pytest.raises(ConfigError, match="not 5 to 12 digits"):
        Student(number=number)


def test_a_project_without_its_report_is_refused(tmp_path):
    (tmp_path / "pyproject.toml").touch()
    with pytest.raises(PalingenError, match=r"here is no README\.md"):
        bundle(STUDENT, tmp_path / "b.zip", b"", tmp_path)


def test_a_file_that_names_a_folder_of_this_machine_is_refused(tmp_path):
    project = tmp_path / "project"
    for name in ("README.md", "Makefile", "report/report.pdf", "assignment/part1.ipynb", "assignment/part2.ipynb"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).touch()
    (project / "pyproject.toml").write_text(f"# made in {project}/here")
    with pytest.raises(PalingenError, match=r"pyproject\.toml: names a folder of this machine"):
        bundle(STUDENT, tmp_path / "b.zip", b"", project)
    assert not (tmp_path / "b.zip").exists()


def lend_packages(project):
    """An environment that finds what the suite has installed, by the same Makefile; only the project is not there."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project / ".venv"], check=True)
    (packages,) = project.glob(".venv/lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib"))


def test_unpacked_in_an_empty_folder_it_follows_its_own_instructions(palingen, tmp_path):
    made = json.loads(palingen("bundle", "--student-number", "01234567", "--name", "A. Student", "--json").stdout)
    with zipfile.ZipFile(made["file"] if made["file"].startswith("/") else tmp_path / made["file"]) as archive:
        archive.extractall(tmp_path / "handin")
    folder = tmp_path / "handin" / "01234567_assignment3"
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")
    commands = re.findall(r"^    (.+)$", (folder / "README.md").read_text(), re.MULTILINE)
    assert commands[:2] == ["cd code", "make install"]
    lend_packages(folder / "code")
    for command in commands[1:]:
        shortened = f"{command} --epochs 1" if " train" in command else command
        run = subprocess.run(shortened, shell=True, cwd=folder / "code", capture_output=True, text=True, timeout=400)
        assert run.returncode == 0, run.stderr
    script = [folder / "code/.venv/bin/python", "-c", "import palingen; print(palingen.__file__)"]
    used = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert Path(used.strip()).is_relative_to(folder)
    drawn = {path.name for path in (folder / "code" / "runs").rglob("*.png")}
    assert {"curves.png", "samples.png", "interpolation.png"} <= drawn
