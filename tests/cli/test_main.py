"""Exit codes, one-line errors, and interrupts."""

import json
import os
import resource
import signal
import subprocess
import sys
import time

import pytest

TRAIN = ("palindrome", "train", "--num-samples", 200, "--hidden-size", 8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("palindrome", "train", "--length", 1), "length=1: must be at least 2"),
        (("palindrome", "train", "--hidden-size", 0), "hidden_size=0: must be at least 1"),
        (("palindrome", "train", "--epochs", "ten"), "--epochs"),
        (("palindrome", "train", "--cell", "lstn"), "did you mean 'lstm'"),
        (("palindrome", "train", "--lenght", 7), "--lenght"),
        (("palindrome", "train", "--recipe", "corse"), "did you mean 'course'"),
        (("palindrome", "train", "--device", "abacus"), "device 'abacus' is unavailable"),
        (("palindrome", "train", "--early-stop-accuracy", 0.9), "early_stop_accuracy=0.9: needs online_data"),
        (("gan", "train", "--recipe", "publik-script"), "did you mean 'public-script'"),
        (("gan", "train", "--data", "nowhere", "--out", "run"), "nowhere: missing; a data set is mnist"),
        (("gan", "train", "--engine", "manual", "--architecture", "conv", "--out", "run"), "engine='manual'"),
        (("gan", "train", "--devices", 0), "devices=0: must be at least 1"),
        (("gan", "train", "--no-learning-rate"), "--no-learning-rate"),
        (("gan", "sample"), "RUN"),
        (("gan", "simple"), "simple"),
        (("gann",), "gann"),
        ((*TRAIN, "--out", "/proc/nowhere/run"), "/proc/nowhere"),
    ],
)
def test_invalid_input_ends_in_one_line_and_exit_code_2(palingen, error_line, arguments, message):
    assert message in error_line(palingen(*arguments))


def test_a_folder_that_is_a_file_or_cannot_be_written_is_named(palingen, error_line, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert "file" in error_line(palingen(*TRAIN, "--out", "file/run"))
    assert "file" in error_line(palingen(*TRAIN, "--out", "file"))
    assert (tmp_path / "file").read_text() == "mine"
    if os.geteuid() != 0:  # root may write anywhere
        (tmp_path / "closed").mkdir(mode=0o500)
        assert "Permission denied" in error_line(palingen(*TRAIN, "--out", "closed/run"))


def test_a_full_disk_ends_in_one_line_and_the_same_command_finishes_with_more_room(palingen, error_line, tmp_path):
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))  # noqa: E731
    arguments = ("palindrome", "train", "--num-samples", "200", "--hidden-size", "64", "--epochs", "2", "--out", "run")
    command = [sys.executable, "-m", "palingen", *arguments]
    run = subprocess.run(command, cwd=tmp_path, preexec_fn=limit, capture_output=True, text=True, timeout=120)
    assert run.returncode == 2
    assert run.stdout == ""
    assert "weights.safetensors: File too large" in run.stderr.splitlines()[-1]
    assert not [path for path in (tmp_path / "run").iterdir() if path.name.endswith((".pt", ".safetensors"))]
    assert palingen(*arguments).returncode == 0
    assert (tmp_path / "run" / "weights.safetensors").exists()


def test_a_damaged_checkpoint_is_named_and_force_starts_anew(palingen, error_line, tmp_path):
    arguments = (*TRAIN, "--epochs", 1, "--out", "run")
    assert palingen(*arguments).returncode == 0
    (tmp_path / "run" / "weights.safetensors").unlink()
    (tmp_path / "run" / "resume.pt").write_bytes(b"half a checkpoint")
    assert "resume.pt" in error_line(palingen(*arguments))
    assert palingen(*arguments, "--force").returncode == 0


def test_ctrl_c_saves_the_run_and_the_same_command_finishes_it(palingen, tmp_path):
    epochs = 150
    arguments = (*TRAIN, "--batch-size", 40, "--epochs", epochs, "--out", "run")
    command = [sys.executable, "-m", "palingen", *map(str, arguments)]
    records = tmp_path / "run" / "records.jsonl"
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not (records.exists() and records.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == ""
    last_line = stderr.splitlines()[-1]
    assert last_line.startswith("palingen: stopped in epoch ")
    assert last_line.endswith(f" of {epochs}, saved in run; the same command resumes it")
    assert "Traceback" not in stderr
    finished_before = len(records.read_text().splitlines())
    assert 0 < finished_before < epochs
    beginning = records.read_bytes()

    assert palingen(*arguments).returncode == 0
    assert records.read_bytes().startswith(beginning)
    kinds = [json.loads(line) for line in records.read_text().splitlines()]
    assert [record["epoch"] for record in kinds if record["kind"] == "epoch"] == list(range(1, epochs + 1))
    assert kinds[-1]["kind"] == "result"


def test_a_second_ctrl_c_stops_at_once(monkeypatch, capsys):
    from palingen import cli

    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", interrupt)
    with pytest.raises(SystemExit) as exit_info:
        cli.main()
    assert exit_info.value.code == 130
    assert "resumes from its last checkpoint with the same command" in capsys.readouterr().err


def test_a_package_that_is_not_installed_is_named_in_one_line(tmp_path):
    script = "import sys; sys.modules['torch'] = None; from palingen.cli import main; main()"
    command = [sys.executable, "-c", script, "palindrome", "train"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (2, "")
    (line,) = run.stderr.splitlines()
    assert line.startswith("palingen: error: the package 'torch' is not installed. palingen doctor lists")


def test_only_the_main_process_prints_an_error(monkeypatch, palingen):
    monkeypatch.setenv("RANK", "1")
    run = palingen("palindrome", "train", "--length", 1)
    assert (run.returncode, run.stderr) == (2, "")


@pytest.mark.parametrize(("rank", "code"), [("0", 130), ("1", 0)])
def test_of_several_interrupted_processes_only_the_main_one_ends_with_a_code(monkeypatch, rank, code):
    from palingen import cli
    from palingen.runtime.errors import Interrupted

    def interrupt(*arguments, **options):
        raise Interrupted("stopped")

    monkeypatch.setenv("RANK", rank)
    monkeypatch.setattr(cli, "app", interrupt)
    with pytest.raises(SystemExit) as exit_info:
        cli.main()
    assert exit_info.value.code == code
