"""The hand-in, as a student packs it and a teacher unpacks it."""

import json
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from support import ROOT

from palingen.runtime.errors import ConfigError, PalingenError
from palingen.workflows.submission import MAX_BYTES, REQUIRED_FILES, Student, write_bundle

STUDENT = Student(number="01234567", name="A. Student")

FOLDER = "01234567_assignment3/"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    out = tmp_path_factory.mktemp("handin") / "bundle.zip"
    write_bundle(STUDENT, out, b"%PDF of A. Student")
    return out


def names(path):
    with zipfile.ZipFile(path) as archive:
        return [name.removeprefix(FOLDER) for name in archive.namelist()]


def instructions(path):
    with zipfile.ZipFile(path) as archive:
        return archive.read(f"{FOLDER}README.md").decode()


def test_all_files_are_in_one_folder_with_the_student_number_instructions_first(bundle):
    with zipfile.ZipFile(bundle) as archive:
        listed = archive.namelist()
        assert archive.testzip() is None
    assert listed[0] == f"{FOLDER}README.md"
    assert all(name.startswith(FOLDER) for name in listed)


def test_the_instructions_name_the_student(bundle):
    assert "A. Student, student number 01234567" in instructions(bundle)


def test_a_student_without_a_name_is_called_by_the_number():
    assert Student(number="01234567").line == "Student number 01234567"


def test_the_bundle_has_everything_that_the_course_requires(bundle):
    required = {
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
    assert required <= set(names(bundle))


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="only git knows which files belong to the project")
def test_the_bundle_has_only_tracked_files_and_is_within_the_size_limit(bundle):
    listing = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True, check=True).stdout
    untracked = {name.removeprefix("code/") for name in names(bundle)} - {
        *listing.splitlines(),
        "README.md",
        "report.pdf",
    }
    assert untracked == set()
    assert bundle.stat().st_size < MAX_BYTES


def test_every_file_in_the_table_of_the_instructions_is_in_the_bundle(bundle):
    paths = re.findall(r"^\| `([^`]+)` \|", instructions(bundle), re.MULTILINE)
    assert len(paths) == 8
    assert [path for path in paths if not any(name.startswith(path) for name in names(bundle))] == []


def test_every_part_of_the_package_that_the_instructions_name_exists(bundle):
    paths = re.findall(r"`((?:recurrence|gan|part1|part2)/[^`]*)`", instructions(bundle))
    folders = (ROOT / "src" / "palingen", ROOT / "assignment")
    assert len(paths) == 4
    assert [path for path in paths if not any((folder / path).exists() for folder in folders)] == []


def test_equal_contents_give_equal_bytes(bundle, tmp_path):
    write_bundle(STUDENT, tmp_path / "again.zip", b"%PDF of A. Student")
    assert (tmp_path / "again.zip").read_bytes() == bundle.read_bytes()


@pytest.mark.parametrize("number", ["", "1234", "12a45678", "1" * 13, "../12345"])
def test_a_student_number_has_5_to_12_digits(number):
    with pytest.raises(ConfigError, match=r"^number=.*: must be 5 to 12 digits$"):
        Student(number=number)


@pytest.mark.parametrize("name", ["", "A" * 81, "A.\nStudent"])
def test_a_student_name_is_printable_and_at_most_80_characters_long(name):
    with pytest.raises(ConfigError, match=r"^name=.*: must be 1 to 80 printable characters$"):
        Student(number="01234567", name=name)


@pytest.fixture
def project(tmp_path):
    """A project with the required files, all of them empty."""
    folder = tmp_path / "project"
    for name in REQUIRED_FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_a_project_without_a_required_file_is_refused(project, tmp_path):
    (project / "README.md").unlink()
    with pytest.raises(PalingenError, match=r"README\.md is missing"):
        write_bundle(STUDENT, tmp_path / "b.zip", b"", project)


def test_a_file_that_names_a_folder_of_this_machine_is_refused(project, tmp_path):
    (project / "pyproject.toml").write_text(f"# made in {project}/here")
    with pytest.raises(PalingenError, match=r"pyproject\.toml: names a folder of this machine"):
        write_bundle(STUDENT, tmp_path / "b.zip", b"", project)
    assert not (tmp_path / "b.zip").exists()


def test_caches_environments_and_runs_are_left_out_where_there_is_no_git(project, tmp_path):
    left_out = (".venv/lib.py", "runs/demo/index.html", "src/__pycache__/cells.pyc", "env/pyvenv.cfg", "env/torch.py",
                "dist/palingen.whl", "build/docs/index.html", "01234567_assignment3.zip")  # fmt: skip
    for name in (*left_out, "src/cells.py"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).touch()
    contents = write_bundle(STUDENT, tmp_path / "b.zip", b"", project)
    expected = {f"code/{name}" for name in (*REQUIRED_FILES, "src/cells.py")}
    assert {name for name, _ in contents} == {"README.md", "report.pdf", *expected}


def test_weights_and_checkpoints_of_recorded_runs_are_left_out(project, tmp_path):
    folder = project / "report" / "runs" / "gan-course"
    folder.mkdir(parents=True)
    for name in ("end.safetensors", "resume.pt", "score.json"):
        (folder / name).touch()
    packed = {name for name, _ in write_bundle(STUDENT, tmp_path / "bundle.zip", b"", project)}
    assert {name for name in packed if "gan-course" in name} == {"code/report/runs/gan-course/score.json"}


def test_the_command_packs_the_report_of_the_student(palingen, tmp_path, monkeypatch):
    monkeypatch.setattr("palingen.cli.bundle.render_pdf", lambda records, author: f"%PDF {author}".encode())
    run = palingen("bundle", "--student-number", "01234567")
    assert run.returncode == 0, run.stderr
    with zipfile.ZipFile(tmp_path / "01234567_assignment3.zip") as archive:
        assert archive.read(f"{FOLDER}report.pdf") == b"%PDF Student number 01234567"


def share_packages(project):
    """An environment that finds the packages of this one, but not the project, for the same Makefile."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project / ".venv"], check=True)
    (packages,) = project.glob(".venv/lib/python*/site-packages")
    (packages / "shared.pth").write_text(sysconfig.get_path("purelib"))


@pytest.mark.torture
def test_the_unpacked_bundle_runs_by_its_own_instructions(palingen, tmp_path):
    run = palingen("bundle", "--student-number", "01234567", "--name", "A. Student", "--json")
    assert run.returncode == 0, run.stderr
    with zipfile.ZipFile(tmp_path / json.loads(run.stdout)["file"]) as archive:
        archive.extractall(tmp_path / "handin")
    folder = tmp_path / "handin" / FOLDER
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")
    commands = re.findall(r"^    (.+)$", (folder / "README.md").read_text(), re.MULTILINE)
    assert commands[:2] == ["cd code", "make install"]
    share_packages(folder / "code")
    for command in commands[1:]:
        shortened = f"{command} --epochs 1" if " train" in command else command
        run = subprocess.run(shortened, shell=True, cwd=folder / "code", capture_output=True, text=True, timeout=400)
        assert run.returncode == 0, run.stderr
    script = [folder / "code/.venv/bin/python", "-c", "import palingen; print(palingen.__file__)"]
    imported = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert Path(imported.strip()).is_relative_to(folder)
    figures = {path.name for path in (folder / "code" / "runs").rglob("*.png")}
    assert {"curves.png", "samples.png", "interpolation.png"} <= figures
