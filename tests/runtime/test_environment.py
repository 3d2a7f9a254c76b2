import subprocess
import sys

from palingen.runtime import environment as module
from palingen.runtime.command import running_command
from palingen.runtime.numerics import Execution

EXECUTION = Execution("native", 1, flush_denormal=True)


def test_a_notebook_or_a_script_records_no_command(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["kernel", "-f", "/home/somebody/kernel.json"])
    assert module.environment(EXECUTION)["command"] is None


def test_a_command_is_recorded_while_it_runs():
    with running_command("palingen gan train"):
        assert module.environment(EXECUTION)["command"] == "palingen gan train"
    assert module.environment(EXECUTION)["command"] is None


def test_the_commit_is_that_of_the_project_and_never_of_a_repository_around_an_installed_package(tmp_path, monkeypatch):
    author = ("-c", "user.name=somebody", "-c", "user.email=somebody")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    subprocess.run(["git", "-C", tmp_path, *author, "commit", "-q", "--allow-empty", "-m", "theirs"], check=True)
    (tmp_path / "lib").mkdir()
    monkeypatch.setattr(module, "PROJECT_DIR", tmp_path / "lib")
    assert module.environment(EXECUTION)["commit"] is None
    monkeypatch.setattr(module, "PROJECT_DIR", tmp_path)
    assert len(module.environment(EXECUTION)["commit"]) == 12
