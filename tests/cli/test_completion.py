"""`palingen --install-completion`: scripts that each shell accepts, and that complete."""

import json
import shutil
import subprocess

import pytest

from palingen.cli import app

CHECKS = {"bash": ("bash", "-n"), "zsh": ("zsh", "-n"), "fish": ("fish", "--no-execute")}
"""Commands that check the syntax of a script without running it."""


@pytest.fixture(scope="session")
def scripts():
    """Script of each shell. Making one imports every verb, so each is made once."""
    return {shell: app.generate_completion(shell=shell) for shell in CHECKS}


@pytest.mark.parametrize("shell", CHECKS)
def test_the_script_names_every_verb_and_its_syntax_is_right(shell, scripts, tmp_path):
    path = tmp_path / "script"
    path.write_text(scripts[shell])
    assert all(word in scripts[shell] for word in ("palindrome", "interpolate", "learning-rate", "peephole", "doctor"))
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    run = subprocess.run([*CHECKS[shell], str(path)], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "completions"),
    [(("do",), {"doctor"}), (("palindrome", "tr"), {"train"}), (("palindrome", "train", "--cell", "l"), {"lstm"}),
     (("gan", "train", "--latent"), {"--latent-dim"})],
)  # fmt: skip
def test_bash_completes_verbs_flags_and_choices(words, completions, scripts, tmp_path):
    (tmp_path / "script").write_text(scripts["bash"])
    line = " ".join(("palingen", *words))
    commands = f"""
        source {tmp_path / "script"}
        COMP_WORDS=({line}); COMP_CWORD={len(words)}; COMP_LINE='{line}'; COMP_POINT={len(line)}
        _palingen; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    run = subprocess.run(["bash", "-c", commands], capture_output=True, text=True, check=True)
    assert {word.strip() for word in run.stdout.splitlines()} == completions


def test_the_script_is_installed_in_the_home_folder_or_written_where_it_is_told(palingen, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    result = json.loads(palingen("--install-completion", "--shell", "bash", "--json").stdout)
    assert str(tmp_path / "home") in result["file"]
    assert result["file"] in (tmp_path / "home" / ".bashrc").read_text()
    assert palingen("--install-completion", "--shell", "fish", "--out", "palingen.fish").returncode == 0
    assert "palingen" in (tmp_path / "palingen.fish").read_text()
    assert not (tmp_path / "home" / ".config").exists()


def test_a_shell_that_cannot_be_detected_is_asked_for_in_one_line(palingen, error_line, monkeypatch):
    for name in ("ZSH_VERSION", "BASH_VERSION", "FISH_VERSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHELL", "/bin/other")
    monkeypatch.setenv("PATH", "")  # without ps
    assert "name it with --shell" in error_line(palingen("--install-completion"))
    assert "tcsh" in error_line(palingen("--install-completion", "--shell", "tcsh"))
