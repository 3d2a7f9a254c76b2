"""Damaged files end in one line and exit code 2, or change nothing: no traceback, no hang, no code, little memory."""

import hashlib
import pickle  # noqa: TID251 (writes the traps)
import random
import resource
import shutil
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from damage import ANY_FILE, JSON_FILE, Damage, bomb, huge_header, labels_of_no_class
from fake_records import RUNS
from palindrome_runs import interrupt_at_step
from small_jobs import contents
from support import run_in
from user_parts import CELL, write_code

from palingen.report.record_reader import read_records
from palingen.report.typst_inputs import template_data
from palingen.runtime.errors import PalingenError
from palingen.runtime.paths import PRETRAINED_DIR

MAX_BYTES = 2 * 2**30

GAN = (
    *("gan", "train", "--data=data", "--epochs=2", "--batch-size=50", "--latent-dim=8", "--no-monitor-samples"),
    *("--save-interval=4", "--log-interval=2"),
)

PALINDROME = ("palindrome", "train", "--epochs=2", "--num-samples=200", "--hidden-size=8", "--batch-size=32")


@dataclass(frozen=True)
class Target:
    """A file, and the command that reads it."""

    file: str
    command: tuple[str, ...]
    damages: tuple[Damage, ...] = ANY_FILE

    sealed: bool = False
    """Whether a hash or a checksum covers the file, so that damage is refused or changes nothing."""


JSON = (*ANY_FILE, *JSON_FILE)

WEIGHTS = (*ANY_FILE, huge_header)

SAMPLE = ("gan", "sample", "gan", "--count=4", "--out=out")

TARGETS = (
    Target("gan/config.json", SAMPLE, JSON, sealed=True),
    Target("gan/end.safetensors", SAMPLE, WEIGHTS, sealed=True),
    Target("gan/sampling.json", SAMPLE, JSON),
    Target("gan/middle.npy", (*GAN, "--out=gan")),
    Target("gan/records.jsonl", (*GAN, "--out=gan"), JSON),
    Target("gan/score.json", ("explore", "gan", "--no-open", "--out=out"), JSON),
    Target("palindrome/config.json", ("palindrome", "analyze", "palindrome", "--out=out"), JSON, sealed=True),
    Target(
        "palindrome/weights.safetensors", ("palindrome", "analyze", "palindrome", "--out=out"), WEIGHTS, sealed=True
    ),
    Target("palindrome/records.jsonl", (*PALINDROME, "--out=palindrome"), JSON),
    Target("palindrome/tracking.json", (*PALINDROME, "--track=tensorboard", "--out=palindrome"), JSON),
    Target(
        f"cell/code/{hashlib.sha256(CELL.encode()).hexdigest()[:16]}/mine.py",
        ("palindrome", "analyze", "cell", "--trust-code", "--out=out"),
        sealed=True,
    ),
    Target("unfinished/resume.pt", (*PALINDROME, "--out=unfinished"), sealed=True),
    Target("unfinished/records.jsonl", (*PALINDROME, "--out=unfinished"), JSON, sealed=True),
    Target("data/train-images-idx3-ubyte.gz", (*GAN, "--conditional", "--out=out"), (*ANY_FILE, bomb)),
    Target(
        "data/train-labels-idx1-ubyte.gz", (*GAN, "--conditional", "--out=out"), (*ANY_FILE, bomb, labels_of_no_class)
    ),
)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory, few_digits: Path) -> Path:
    """A folder with a finished run of each laboratory, an unfinished one, and images."""
    folder = tmp_path_factory.mktemp("pristine")
    shutil.copytree(few_digits, folder / "data")
    assert run_in(folder, *GAN, "--out=gan").returncode == 0
    assert run_in(folder, *PALINDROME, "--track=tensorboard", "--out=palindrome").returncode == 0
    write_code(folder)
    assert run_in(folder, *PALINDROME, "--cell=mine.py:Mine", "--out=cell").returncode == 0
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at_step(patch, 7)
        assert run_in(folder, *PALINDROME, "--out=unfinished").returncode == 130
    (folder / "gan" / "sampling.json").write_text('{"max_latent_norm": 1.1}')
    shutil.copy(PRETRAINED_DIR / "course" / "score.json", folder / "gan")
    return folder


def outcome(target: Target, folder: Path) -> str:
    """Run the command of a target; `refused` or `accepted`, and nothing else."""
    result = run_in(folder, *target.command)
    if result.returncode == 0:
        return "accepted"
    error = result.stderr.removesuffix("\n")
    assert result.returncode == 2, error
    assert error.startswith("palingen: error: "), error
    assert "\n" not in error, error
    assert Path(target.file).parts[0] in error, error
    return "refused"


def check(target: Target, pristine: Path, folder: Path, cases: int) -> Counter[str]:
    """Damage the file of a target again and again, and run its command."""
    shutil.copytree(pristine, folder)
    output = folder / target.command[-1].removeprefix("--out=")
    assert outcome(target, folder) == "accepted"
    expected, intact = contents(output), (pristine / target.file).read_bytes()
    counts: Counter[str] = Counter()
    for case in range(cases):
        rng, damage = random.Random(case), target.damages[case % len(target.damages)]
        damaged = damage(intact, rng)
        restore(pristine, folder, target)
        (folder / target.file).write_bytes(damaged)
        result = outcome(target, folder)
        counts[result if damaged != intact else "unchanged"] += 1
        if result == "accepted" and target.sealed:
            assert contents(output) == expected, (damage.__name__, case)
    return counts


def restore(pristine: Path, folder: Path, target: Target) -> None:
    """Bring back what an earlier case damaged or finished."""
    (folder / target.file).unlink(missing_ok=True)
    shutil.rmtree(folder / "out", ignore_errors=True)
    if "unfinished" in target.file:
        shutil.rmtree(folder / "unfinished")
        shutil.copytree(pristine / "unfinished", folder / "unfinished")


def peak_bytes() -> int:
    """Highest memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.file)
def test_a_damaged_file_is_refused_in_one_line_or_changes_nothing(target, pristine, tmp_path):
    counts = check(target, pristine, tmp_path / "copy", 3)
    assert counts["refused"] >= 1


@pytest.mark.torture
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.file)
def test_a_file_damaged_in_a_hundred_ways_is_refused_or_changes_nothing(target, pristine, tmp_path):
    counts = check(target, pristine, tmp_path / "copy", 8 * len(target.damages))
    print(f"\n{target.file}: {dict(counts)}, {peak_bytes() / 1e6:.0f} MB at most")
    assert counts["refused"] > 0.4 * counts.total()
    assert peak_bytes() < MAX_BYTES


@pytest.mark.torture
@pytest.mark.parametrize("file", ["memory/study.json", "comparison/study.json", "analysis/analysis.json",
    "palindromes/lstm-T5-seed0/config.json", "palindromes/lstm-T5-seed0/environment.json",
    "palindromes/lstm-T5-seed0/records.jsonl", "interpolation/predictions.json", "model_summary.json"])  # fmt: skip
def test_damaged_records_of_the_report_are_refused_in_one_line_or_give_a_report(file, tmp_path):
    intact, path = (RUNS / file).read_bytes(), tmp_path / "runs" / file
    shutil.copytree((RUNS / file).parent, path.parent, dirs_exist_ok=True, ignore=shutil.ignore_patterns("gan-*"))
    shutil.copytree(RUNS / "gan-course", tmp_path / "runs" / "gan-course", ignore=shutil.ignore_patterns("snapshots"))
    counts: Counter[str] = Counter()
    for case in range(4 * len(JSON)):
        rng = random.Random(case)
        path.write_bytes(JSON[case % len(JSON)](intact, rng))
        error = refusal(tmp_path)
        assert "\n" not in (error or "")
        counts["refused" if error else "accepted"] += 1
    print(f"\nreport, {file}: {dict(counts)}")
    assert counts["refused"] > 0.4 * counts.total()


def refusal(report: Path) -> str | None:
    """Message with which the records of a report are refused; None if they are accepted."""
    try:
        template_data(read_records(report), "", ())
    except PalingenError as error:
        return str(error)
    return None


class Trap:
    """An object that creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.file)
def test_no_file_runs_code(target, pristine, tmp_path):
    shutil.copytree(pristine, tmp_path / "copy")
    path, sprung = tmp_path / "copy" / target.file, tmp_path / "sprung"
    np.save(tmp_path / "array.npy", np.array([Trap(sprung)], dtype=object))
    torch.save({"step": Trap(sprung)}, tmp_path / "new.pt")
    torch.save({"step": Trap(sprung)}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "plain.pkl").write_bytes(pickle.dumps(Trap(sprung)))
    for trap in ("array.npy", "new.pt", "old.pt", "plain.pkl"):
        path.write_bytes((tmp_path / trap).read_bytes())
        assert outcome(target, tmp_path / "copy") == "refused"
        assert not sprung.exists()
