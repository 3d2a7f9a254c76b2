"""Disks and folders that fail under a training: one line, and the checkpoint before is still there."""

import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from small_jobs import contents, start

NOBODY = 65534

FLAGS = ("--hidden-size", "8", "--num-samples", "200", "--epochs", "6", "--batch-size", "32", "--device", "cpu")

Trouble = Callable[[Path], None]


def run_command(folder: Path, messages: Connection, trouble: Trouble | None) -> None:
    """Run `palingen palindrome train` in this process, with some trouble."""
    from palingen.cli import main
    from palingen.runtime import training_loop

    training_loop.CHECKPOINT_INTERVAL_S = 0
    sys.argv = ["palingen", "palindrome", "train", *FLAGS, "--out", str(folder)]
    os.dup2(messages.fileno(), sys.stderr.fileno())
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if trouble:
        trouble(folder)
    main()


def outcome(folder: Path, trouble: Trouble | None = None) -> tuple[int, str]:
    """Exit code and messages of a training."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = start(run_command, folder, theirs, trouble)
    theirs.close()
    with os.fdopen(os.dup(ours.fileno())) as messages:
        text = messages.read()  # until the child has ended
    process.join()
    lines = [line for line in text.splitlines() if "steps, " not in line]  # the progress display
    return process.exitcode, "\n".join(lines)


@pytest.fixture
def uninterrupted(tmp_path: Path) -> dict[str, object]:
    """Files of a training without trouble."""
    assert outcome(tmp_path / "uninterrupted") == (0, "")
    return contents(tmp_path / "uninterrupted")


def before_step(step: int, action: Callable[[], object]) -> None:
    """Do something before a training step."""
    from palingen.recurrence.trainer import PalindromeTrainer

    train_step, steps = PalindromeTrainer.step, []

    def counted(self, *arguments):
        steps.append(1)
        if len(steps) == step:
            action()
        return train_step(self, *arguments)

    PalindromeTrainer.step = counted


class SmallDisk:
    """A disk on which a file can have so many bytes."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, folder: Path) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.size, resource.RLIM_INFINITY))


def lose_folder(folder: Path) -> None:
    """Remove the run folder under the run."""
    before_step(12, lambda: shutil.rmtree(folder))


def replace_folder(folder: Path) -> None:
    """Put another folder in the place of the run folder."""

    def replace() -> None:
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / "thesis.tex").write_text("years of work")

    before_step(12, replace)


def become_nobody(folder: Path) -> None:
    """Give up the rights of root, which may write everywhere, once everything that nobody may not read is imported."""
    from palingen.cli import main

    if os.getuid() == 0:
        with tempfile.TemporaryDirectory() as rehearsal:
            sys.argv[-1] = rehearsal
            main()
        sys.argv[-1] = str(folder)
        os.setuid(NOBODY)


def set_clock_back(folder: Path) -> None:
    """Set the clock three years back under the run."""
    now = time.time
    before_step(12, lambda: setattr(time, "time", lambda: now() - 1e8))


@pytest.mark.torture  # the suite has one in cli/test_main.py
@pytest.mark.parametrize("size", [0, 300, 2_000, 12_000])
def test_a_full_disk_ends_in_one_line_and_the_run_goes_on_when_there_is_room(tmp_path, uninterrupted, size):
    folder = tmp_path / "run"
    code, message = outcome(folder, SmallDisk(size))
    assert (code, message.count("\n")) == (2, 0)
    assert message.startswith(f"palingen: error: {folder}")
    assert message.endswith("File too large")
    assert outcome(folder) == (0, "")
    assert contents(folder) == uninterrupted


@pytest.mark.torture
@pytest.mark.parametrize("kilobytes", [8, 28, 40, 64])
def test_a_real_disk_that_is_full_loses_nothing(tmp_path, uninterrupted, kilobytes):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a disk needs root")
    try:
        code, message = outcome(disk / "run")
        print(f"\na disk of {kilobytes} kB: {message.replace(str(tmp_path), '')}")
        assert (code, message.count("\n")) == (2, 0)
        assert message.endswith("No space left on device")
        subprocess.run(["mount", "-o", "remount,size=4M", str(disk)], check=True)
        assert outcome(disk / "run") == (0, "")
        assert contents(disk / "run") == uninterrupted
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("trouble", [lose_folder, pytest.param(replace_folder, marks=pytest.mark.torture)])
def test_a_folder_that_is_removed_under_a_training_ends_it_in_one_line(tmp_path, trouble):
    code, message = outcome(tmp_path / "run", trouble)
    assert (code, message.count("\n")) == (2, 0)
    assert "run: removed or replaced while the run was working in it" in message
    assert {path.name for path in tmp_path.rglob("*")} <= {"run", "thesis.tex"}


def test_a_folder_that_may_not_be_written_is_named_in_one_line(tmp_path):
    outcome(tmp_path / "run", SmallDisk(2_000))  # ends before the first epoch
    before = contents(tmp_path / "run")
    for path in tmp_path.parents[:-2]:  # nobody may look for the folder
        path.chmod(0o755)
    for folder in (tmp_path / "run", tmp_path / "new"):
        (tmp_path / "run").chmod(0o555)
        tmp_path.chmod(0o555)
        code, message = outcome(folder, become_nobody)
        tmp_path.chmod(0o755)
        assert (code, message.count("\n")) == (2, 0)
        assert "Permission denied" in message
        assert str(folder) in message
    assert contents(tmp_path / "run") == before


@pytest.mark.torture
def test_a_clock_that_is_set_back_changes_nothing(tmp_path, uninterrupted):
    assert outcome(tmp_path / "run", set_clock_back) == (0, "")
    assert contents(tmp_path / "run") == uninterrupted


def test_two_trainings_in_one_folder_are_refused_in_one_line(tmp_path, uninterrupted):
    folder = tmp_path / "run"
    ours, theirs = multiprocessing.Pipe(duplex=False)
    first = start(run_command, folder, theirs, slow_down)
    while not (folder / "resume.pt").exists() and first.is_alive():
        time.sleep(0.01)
    code, message = outcome(folder)
    folder.with_name("go").touch()
    assert (code, message) == (2, f"palingen: error: {folder}: another process is working in this run folder")
    first.join()
    ours.close()
    assert contents(folder) == uninterrupted


def slow_down(folder: Path) -> None:
    """Pause before a step until a file lies beside the folder."""

    def wait() -> None:
        while not folder.with_name("go").exists():
            time.sleep(0.01)

    before_step(12, wait)
