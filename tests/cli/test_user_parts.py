"""Users' parts on the command line: trained, resumed, compared, studied; and never executed from a run unasked."""

import json
import shutil
import sys

import pytest
from palindrome_runs import SMALL, assert_same_weights, interrupt_at_step
from support import ROOT
from user_parts import CELL, GAN, marking, write_code

from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.engines.native.codegen import generate_header
from palingen.recurrence.user_cells import load_cell
from palingen.runtime.user_module import PREFIX

SETTINGS = (*(f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()), "--epochs", 2)

PALINDROME = ("palindrome", "train", *SETTINGS)


@pytest.fixture
def digits(tmp_path, few_digits):
    return ("gan", "train", "--data", few_digits, "--epochs", 1, "--latent-dim", 8, "--no-monitor-samples", "--json")


def forget_code():
    """Forget all executed files, as another process would."""
    for name in [name for name in sys.modules if name.startswith(PREFIX)]:
        del sys.modules[name]


def test_the_same_command_resumes_a_run_wherever_its_file_lies_by_now(palingen, tmp_path, monkeypatch):
    write_code(tmp_path)
    command = (*PALINDROME, "--engine", "reference", "--cell")
    assert palingen(*command, "mine.py:Mine", "--out", "whole").returncode == 0
    with monkeypatch.context() as patch:
        interrupt_at_step(patch, 3)
        assert palingen(*command, "mine.py:Mine", "--out", "resumed").returncode == 130
    (tmp_path / "elsewhere").mkdir()
    shutil.move(tmp_path / "mine.py", tmp_path / "elsewhere")
    assert palingen(*command, "elsewhere/mine.py:Mine", "--out", "resumed").returncode == 0
    assert_same_weights(tmp_path / "whole", tmp_path / "resumed")


def test_a_changed_file_is_another_experiment(palingen, tmp_path, error_line):
    write_code(tmp_path)
    assert palingen(*PALINDROME, "--cell", "mine.py:Mine", "--out", "first").returncode == 0
    write_code(tmp_path, CELL + "# changed")
    line = error_line(palingen(*PALINDROME, "--cell", "mine.py:Mine", "--out", "first"))
    assert "holds a run with other settings (cell='mine.py:Mine@" in line
    assert palingen(*PALINDROME, "--cell", "mine.py:Mine", "--out", "second").returncode == 0

    differences = json.loads(palingen("diff", "first", "second", "--json").stdout)
    first, second = differences["settings"]["cell"]
    assert first.rpartition("@")[0] == second.rpartition("@")[0] == "mine.py:Mine"
    assert first != second
    shown = palingen("show", "first").stdout
    assert f"cell mine.py:Mine@{first.rpartition('@')[2][:8]}" in shown
    (path,) = (tmp_path / "first").rglob("*.py")
    assert str(path.relative_to(tmp_path)) in shown
    assert json.loads(palingen("show", "first", "--json").stdout)["code"] == [str(path.relative_to(tmp_path))]
    path.write_text(CELL + "#")
    (first, _) = json.loads(palingen("runs", ".", "--json").stdout)["runs"]
    assert first["state"] == "damaged"
    assert first["problems"][0].endswith("mine.py: altered (its SHA-256 is not the one in config.json)")
    error = error_line(palingen("palindrome", "analyze", "first", "--trust-code"))
    assert "mine.py: altered" in error


def test_what_a_user_mistypes_is_one_line_before_anything_is_written(palingen, tmp_path, error_line):
    write_code(tmp_path)
    write_code(tmp_path, GAN, "gan.py")
    for verb, flag, value, expected in (
        (("palindrome", "train"), "--cell", "mine.py:Mime", "did you mean 'Mine'?"),
        (("palindrome", "train"), "--cell", "mine.py", "write FILE.py:NAME"),
        (("palindrome", "study"), "--cells", "mine.py:step", "must be of type Cell"),
        (("gan", "train"), "--loss", "gan.py:Penalty", "must be of type AdversarialLoss"),
        (("gan", "train"), "--architecture", "gan.py:pai", "did you mean 'pair'?"),
        (("gan", "study"), "--losses", "gan.py:Los", "did you mean 'Loss'?"),
        (("gan", "train"), "--penalty", "nowhere.py:A", "no such file"),
    ):
        assert expected in error_line(palingen(*verb, flag, value, "--out", "out"))
    assert not (tmp_path / "out").exists()


def test_an_error_during_training_is_one_line_with_file_and_line(palingen, tmp_path, error_line):
    write_code(tmp_path, CELL.replace("return", "if len(x_proj) > 30: raise ValueError('too many')\n    return"))
    run = palingen(*PALINDROME, "--engine", "reference", "--cell", "mine.py:Mine", "--out", "run")
    assert run.returncode == 2
    assert run.stderr.splitlines()[-1] == "palingen: error: mine.py:6: ValueError: too many"


def test_no_verb_executes_what_a_run_keeps_unless_it_is_trusted(palingen, tmp_path, digits, error_line):
    mark = tmp_path / "executed"
    write_code(tmp_path, marking(CELL, mark))
    write_code(tmp_path, marking(GAN, mark), "gan.py")
    assert palingen(*PALINDROME, "--cell", "mine.py:Mine", "--out", "cell").returncode == 0
    architecture = ("--architecture", "gan.py:pair", "--loss", "gan.py:Loss")
    assert palingen(*digits, *architecture, "--out", "pair").returncode == 0
    code_paths = {run: next((tmp_path / run).rglob("*.py")).relative_to(tmp_path) for run in ("cell", "pair")}
    forget_code()
    for path in (mark, tmp_path / "mine.py", tmp_path / "gan.py"):
        path.unlink()

    trusting = {
        "cell": [("palindrome", "analyze")],
        "pair": [("gan", verb) for verb in ("sample", "interpolate", "score", "export")],
    }
    for run, verbs in trusting.items():
        for verb in verbs:
            line = error_line(palingen(*verb, run))
            assert f"code of its author, {code_paths[run]}; read it, then --trust-code executes it" in line
        assert "the page computes" in error_line(palingen("explore", run, "--no-open"))
        assert palingen("show", run).returncode == palingen("diff", run, "cell").returncode == 0
    assert palingen("runs", ".").returncode == 0
    assert error_line(palingen(*PALINDROME, "--cell", "lstm", "--out", "cell"))
    assert not mark.exists()

    assert palingen("palindrome", "analyze", "cell", "--trust-code").returncode == 0
    assert mark.exists()
    mark.unlink()
    assert palingen("gan", "sample", "pair", "--trust-code").returncode == 0
    assert mark.exists()


def test_a_generator_of_a_built_in_architecture_needs_no_trust_in_the_code_of_its_loss(palingen, tmp_path, digits):
    mark = tmp_path / "executed"
    write_code(tmp_path, marking(GAN, mark))
    run = palingen(*digits, "--loss", "mine.py:Loss", "--out", "run")
    assert json.loads(run.stdout)["engine"] == "native"
    forget_code()
    mark.unlink()
    assert palingen("gan", "sample", "run").returncode == 0
    assert not mark.exists()


def test_a_studied_cell_is_in_the_table_and_is_exported_and_loaded_with_its_file(palingen, tmp_path, error_line):
    write_code(tmp_path)
    study = ("palindrome", "study", "--recipe", "course", *SETTINGS, "--cells", "mine.py:Mine", "--lengths", 5)
    run = palingen(*study, "--seeds", 1, "--jobs", 1, "--out", "study")
    assert run.returncode == 0, run.stderr
    assert "Mine@" in run.stdout
    export = ("palindrome", "export", "study", "--length", 5, "--cell", "mine.py:Mine", "--out", "mine")
    assert palingen(*export).returncode == 0
    assert palingen("palindrome", "analyze", "mine/end.safetensors", "--trust-code").returncode == 0
    write_code(tmp_path, CELL + "#")
    assert "no finished run of cell='mine.py:Mine@" in error_line(palingen(*export))


EXAMPLES = {
    "smoothed_loss.py": ("--loss", "Smoothed", "native"),
    "one_sided_penalty.py": ("--penalty", "OneSided", "autograd"),
    "small_networks.py": ("--architecture", "small", "native"),
}


@pytest.mark.parametrize("file", EXAMPLES)
def test_the_examples_of_the_documents_train(palingen, digits, file):
    flag, name, engine = EXAMPLES[file]
    run = palingen(*digits, flag, f"{ROOT / 'docs/how-to/examples' / file}:{name}", "--out", "run")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["engine"] == engine


def test_the_cell_of_the_documents_learns_and_has_a_native_step(palingen):
    cell = f"{ROOT / 'docs/how-to/examples/minimal_gated_unit.py'}:MinimalGatedUnit"
    settings = ("--length=5", "--num-samples=2000", "--hidden-size=32", "--epochs=6", "--learning-rate=0.01")
    engine = ("--input-encoding=one-hot", "--batch-size=32", "--engine=reference")
    run = palingen("palindrome", "train", *settings, *engine, "--cell", cell, "--out", "run", "--json")
    assert json.loads(run.stdout)["accuracy"] > 0.9
    assert "cell_gradient" in generate_header(load_cell(PalindromeConfig(cell=cell).cell), only_sum=False)
