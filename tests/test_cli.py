import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import asdict

import pytest

from palingen.adversarial.experiment import GanRun, networks
from palingen.files import write_json
from palingen.weights import save_weights

PALINDROME = ("palindrome", "train", "--samples", 200, "--hidden", 8)


def one_line(run, code=2):
    """The one line of a command that ends in `code`."""
    assert run.returncode == code, run.stderr
    assert run.stdout == ""
    line = run.stderr.strip().splitlines()[-1]
    assert line.startswith("palingen: ")
    assert "Traceback" not in run.stderr
    return line


@pytest.mark.alone
def test_help_comes_in_less_than_four_tenths_of_a_second_and_needs_no_torch(palingen):
    times = []
    for _ in range(5):
        start = time.perf_counter()
        assert "palindrome" in palingen("--help").stdout
        times.append(time.perf_counter() - start)
    assert min(times) < 0.4
    script = "import sys, palingen.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_a_palindrome_run_says_what_it_made_and_where(palingen, tmp_path):
    run = palingen(*PALINDROME, "--epochs", 2, "--out", "run", "--json")
    result = json.loads(run.stdout)
    assert {"cell", "length", "seed", "accuracy", "loss", "seconds", "folder"} <= set(result)
    assert all((tmp_path / file).exists() for file in result["files"])
    assert "2/2" not in run.stdout
    again = json.loads(palingen(*PALINDROME, "--epochs", 2, "--out", "run", "--json").stdout)
    assert again == result


def test_the_default_folder_is_named_after_recipe_and_settings(palingen):
    first, other = (
        json.loads(palingen(*PALINDROME, "--epochs", 1, "--seed", seed, "--json").stdout)["folder"] for seed in (0, 1)
    )
    assert first.startswith("runs/palindrome/course-")
    assert first != other


def test_repeated_samples_are_said_in_one_line(palingen):
    run = palingen("palindrome", "train", "--epochs", 1, "--hidden", 4, "--batch-size", 4000)
    assert "T = 5 has only 1,000 palindromes" in run.stderr


def test_a_gan_run_is_sampled_and_walked_through(palingen, tmp_path, few_digits):
    small = ("--data", few_digits, "--epochs", 2, "--batch-size", 50, "--record-interval", 2)
    trained = json.loads(palingen("gan", "train", "--recipe", "public-script", *small, "--out", "run", "--json").stdout)
    assert {"epochs", "seconds", "folder"} <= set(trained)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["beta1"], config["batchnorm_eps"], config["discriminator_scale"]) == (0.5, 0.8, 0.5)

    sampled = json.loads(palingen("gan", "sample", "run", "--count", 30, "--json").stdout)
    assert all((tmp_path / file).exists() for file in sampled["files"])

    walked = palingen("gan", "interpolate", "run", "--steps", 7, "--json")
    if walked.returncode == 2:  # two epochs on 200 images may well draw a single class: then that is what it says
        assert "the judge sees only" in walked.stderr
    else:
        result = json.loads(walked.stdout)
        assert result["classes"][0] != result["classes"][1]
        assert len(result["confidences"]) == 2
        assert len(result["linear_classes"]) == len(result["spherical_classes"]) == 9
        assert all((tmp_path / file).exists() for file in result["files"])


def test_a_shipped_generator_is_scored_beside_real_and_spoilt_images(palingen, tmp_path, real, monkeypatch):
    monkeypatch.setattr("palingen.cli.gan.yardstick", lambda: real)  # it has looked at the real images already
    run = palingen("gan", "score", "pretrained:course", "--count", 5000, "--out", "score", "--json")
    result = json.loads(run.stdout)
    keys = [
        "fd",
        "fd_floor",
        "kid",
        "precision",
        "recall",
        "density",
        "coverage",
        "class_tv",
        "confidence",
        "agreement",
        "n",
    ]
    assert set(keys) <= set(result)
    assert result["n"] == 5000
    assert result["agreement"] is None  # it does not ask for classes
    assert result["fd"] > result["fd_floor"] > 0
    assert set(result["rows"]) == {"course", "floor", "blur", "noise", "no 1s", "100 repeated", "1000 repeated"}
    assert json.loads((tmp_path / "score" / "score.json").read_text())["fd"] == result["fd"]


def test_a_shipped_generator_is_sampled_and_walked_through(palingen, tmp_path):
    sampled = json.loads(
        palingen("gan", "sample", "pretrained:course", "--count", 9, "--moment", "middle", "--json").stdout
    )
    assert sampled["folder"] == "runs/sample/course-middle-seed0"
    walked = json.loads(palingen("gan", "interpolate", "pretrained:course", "--classes", 3, 8, "--json").stdout)
    assert walked["classes"] == [3, 8]
    assert all((tmp_path / file).exists() for file in [*sampled["files"], *walked["files"]])


def test_a_generator_of_three_digits_is_scored_by_the_numbers_it_draws(palingen, tmp_path, monkeypatch):
    config = GanRun(data="stacked", watch_samples=0)
    write_json(tmp_path / "run" / "config.json", {"kind": "GanRun", **asdict(config)})
    save_weights(tmp_path / "run" / "end.safetensors", networks(config)[0].state_dict(), config)  # an untrained one
    assert "three digits at once" in one_line(palingen("gan", "interpolate", "run"))
    assert "count: 10000 is not at least 20000" in one_line(palingen("gan", "score", "run", "--count", 10_000))
    monkeypatch.setattr("palingen.cli.gan.STACKED_FEWEST", 2000)  # so many are looked at in no time
    result = json.loads(palingen("gan", "score", "run", "--count", 2000, "--json").stdout)
    assert result["n"] == 2000
    assert 1 <= result["modes"] < 1000
    assert result["reverse_kl"] > result["reverse_kl_floor"] > 0.1  # of so few, chance alone leaves numbers out
    assert result["modes"] < result["modes_floor"]
    assert "draws: 2 is not 1" in one_line(palingen("gan", "score", "run", "--count", 2000, "--draws", 2))


def test_a_class_conditional_run_draws_the_classes_asked_for(palingen, tmp_path, few_digits):
    small = ("--conditional", "--data", few_digits, "--epochs", 1, "--batch-size", 100, "--out", "run")
    assert palingen("gan", "train", *small).returncode == 0
    sampled = json.loads(palingen("gan", "sample", "run", "--classes", 1, 2, "--count", 4, "--json").stdout)
    assert all((tmp_path / file).exists() for file in sampled["files"])
    assert "digits from 0 to 9" in one_line(palingen("gan", "sample", "run", "--classes", 11))


def test_the_judge_trains_from_the_command_line(palingen, few_digits):
    result = json.loads(palingen("judge", "train", "--data", few_digits, "--epochs", 1, "--json").stdout)
    assert {"accuracy", "folder"} <= set(result)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("palindrome", "train", "--length", 1), "length: 1 is not at least 2"),
        (("palindrome", "train", "--epochs", "ten"), "epochs"),
        (("palindrome", "train", "--cell", "lstn"), 'Did you mean "lstm"'),
        (("palindrome", "train", "--lenght", 7), "--lenght"),
        (("palindrome", "train", "--recipe", "corse"), "did you mean 'course'"),
        (("palindrome", "train", "--device", "abacus"), "abacus"),
        (("gan", "train", "--recipe", "publik-script"), "did you mean 'public-script'"),
        (("gan", "train", "--data", "nowhere", "--out", "run"), "train-images-idx3-ubyte.gz: missing"),
        (("gan", "sample", "nowhere"), "nowhere: no run here"),
        (("gan", "sample", "pretrained:curse"), "did you mean 'course'"),
        (("gan", "sample", "pretrained:course", "--classes", 3), "not class-conditional"),
        (("gan", "score", "nowhere"), "nowhere: no run here"),
        (("gan", "explore", "nowhere", "--no-open"), "nowhere: no run here"),
        (("gan", "explore", "pretrained:curse", "--no-open"), "did you mean 'course'"),
        (("gan", "score", "pretrained:course", "--count", 4999), "count: 4999 is not at least 5000"),
        (("judge", "floor", "--count", 10), "count: 10 is not at least 5000"),
        (("gan", "train", "--engine", "by-hand", "--pair", "conv"), "engine: 'by-hand' is not for this pair"),
        (("gan", "interpolate", "nowhere", "--classes", 3, 3), "two different digits"),
        (("gan", "interpolate", "nowhere", "--steps", 0), "steps: 0 is not between 1 and 50"),
        (("gan", "sample"), "RUN requires"),
        (("gann",), "gann"),
        ((*PALINDROME, "--out", "/proc/nowhere/run"), "/proc/nowhere"),
    ],
)
def test_bad_input_ends_in_one_clear_line_and_exit_code_2(palingen, arguments, says):
    assert says in one_line(palingen(*arguments))


def test_a_folder_that_is_a_file_or_may_not_be_written_is_named(palingen, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert "file" in one_line(palingen(*PALINDROME, "--out", "file/run"))
    assert "file" in one_line(palingen(*PALINDROME, "--out", "file"))
    assert (tmp_path / "file").read_text() == "mine"
    if os.geteuid() != 0:  # nothing is closed to root
        (tmp_path / "closed").mkdir(mode=0o500)
        assert "Permission denied" in one_line(palingen(*PALINDROME, "--out", "closed/run"))


def test_a_full_disk_ends_in_one_line_and_the_run_goes_on_when_there_is_room(palingen, tmp_path):
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))  # noqa: E731
    command = ("palindrome", "train", "--samples", "200", "--hidden", "64", "--epochs", "2", "--out", "run")
    words = [sys.executable, "-m", "palingen", *command]
    run = subprocess.run(words, cwd=tmp_path, preexec_fn=limit, capture_output=True, text=True, timeout=120)
    assert "weights.safetensors: File too large" in one_line(run)
    assert not [path for path in (tmp_path / "run").iterdir() if path.name.endswith((".pt", ".safetensors"))]
    assert palingen(*command).returncode == 0
    assert (tmp_path / "run" / "weights.safetensors").exists()


def test_a_damaged_checkpoint_is_named_and_force_starts_anew(palingen, tmp_path):
    command = (*PALINDROME, "--epochs", 1, "--out", "run")
    (tmp_path / "run").mkdir()
    palingen(*command)
    (tmp_path / "run" / "weights.safetensors").unlink()
    (tmp_path / "run" / "resume.pt").write_bytes(b"half a checkpoint")
    assert "resume.pt: damaged; --force starts the run anew" in one_line(palingen(*command))
    assert palingen(*command, "--force").returncode == 0


def test_control_c_ends_cleanly_and_says_how_to_go_on(palingen, tmp_path):
    arguments = [*map(str, PALINDROME), "--epochs", "4000", "--out", "run"]
    command = [sys.executable, "-m", "palingen", *arguments]
    child = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    records = tmp_path / "run" / "records.jsonl"
    deadline = time.monotonic() + 60
    while not (records.exists() and records.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    last = err.strip().splitlines()[-1]
    assert "stopped in epoch" in last
    assert "the same command again goes on from there" in last
    before = records.read_bytes()
    assert json.loads(before.splitlines()[-1])["kind"] == "epoch"
    assert (tmp_path / "run" / "resume.pt").exists()
