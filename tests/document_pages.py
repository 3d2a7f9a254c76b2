"""Code blocks of the documents, and their commands with settings that end in seconds."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from support import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text() for path in DOCUMENTS}
"""Text of each document by its path."""

EXAMPLES = sorted((ROOT / "docs").glob("*/examples/*.py"))
"""Files that a page shows, has its reader save, and names in its commands."""

SHORT_TRAINING = {"--epochs": "1", "--num-samples": "200"}
SHORT_RECURRENCE = {"--length": "6", **SHORT_TRAINING}
SHORT_STUDY = {"--lengths": "5", "--seeds": "1", "--jobs": "1", **SHORT_TRAINING}
SHORT_GAN = {"--epochs": "1", "--no-monitor-samples": "", "--data": "few-digits"}

SHORTENED = {
    "palindrome train": SHORT_RECURRENCE,
    "palindrome study": SHORT_STUDY,
    "palindrome analyze": {},
    "gan train": SHORT_GAN,
    "gan sample": {},
    "gan interpolate": {},
    "runs": {},
    "show": {},
    "diff": {},
}
"""Flags with which each verb of the documents is run; "" stands for a flag without a value."""

RUN_ELSEWHERE = {
    "classifier train": "tests/cli/test_classifier.py",
    "bundle": "tests/workflows/test_submission.py",
    "demo": "tests/workflows/test_demo.py",
    "doctor": "tests/cli/test_doctor.py",
    "explore": "tests/cli/test_explore.py",
    "gan baselines": "tests/cli/test_score.py",
    "gan export": "tests/gan/test_onnx_export.py",
    "gan score": "tests/cli/test_score.py",
    "gan study": "tests/cli/test_gan_study.py",
    "report": "tests/cli/test_report.py",
    "reproduce": "tests/workflows/test_reproduce.py",
    "--install-completion": "tests/cli/test_completion.py",
    "--version": "tests/cli/test_version.py",
}
"""Test of each verb that would take long, or change the machine; in documents it is only parsed."""

ELSEWHERE = re.compile(
    r"HOST|RUN\b|--devices|--device cuda|--backend|runs/losses|report/runs|mine/runs/interpolation|letters|symbols"
)
"""Commands that need another machine, several processes, or a folder or training that is not made in seconds."""

BLOCK = re.compile(r"```python\n(?P<python>.*?)```|^    (?P<command>palingen [^\n]+)$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """Python code, or one command."""

    python: str | None
    command: str | None


def page_blocks(text: str) -> list[Block]:
    """Python code and commands of a document, in order."""
    return [Block(match["python"], match["command"]) for match in BLOCK.finditer(text)]


def all_commands() -> list[str]:
    """Every command of the documents."""
    return sorted({block.command for text in TEXTS.values() for block in page_blocks(text) if block.command})


def verb_of(command: str) -> str:
    """Verb of a command, with its group."""
    _, first, *others = shlex.split(command)
    return f"{first} {others[0]}" if first in ("palindrome", "gan", "classifier") else first


def short_arguments(command: str) -> list[str] | None:
    """Arguments of a command that end in seconds; None if another test runs it, or it needs what is elsewhere."""
    verb, arguments = verb_of(command), shlex.split(command)[1:]
    if verb not in SHORTENED or ELSEWHERE.search(command):
        return None
    for flag, value in SHORTENED[verb].items():
        if flag in arguments:
            start = arguments.index(flag)
            end = next((i for i in range(start + 1, len(arguments)) if arguments[i].startswith("--")), len(arguments))
            del arguments[start:end]
        arguments += [flag, value] if value else [flag]
    return arguments


def is_excerpt(name: str, python: str) -> bool:
    """Whether Python code is an excerpt of a source file, which cannot run alone."""
    return name == "README.md" and "def lstm" in python


def relative_links(text: str) -> list[str]:
    """Targets of a document's links and images inside the repository, without their anchors."""
    return [link for link in re.findall(r'(?:\]\(|src=")([^)#:"]+)', text) if not link.isspace()]


def exists(name: str, link: str) -> bool:
    """Whether a document's link leads to a file, or to a page that is generated for the site."""
    path = (ROOT / name).parent / link
    return path.exists() or (
        Path(link).parent.name == "reference" and Path(link).stem in ("palindrome", "gan", "commands")
    )
