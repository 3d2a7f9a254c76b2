"""Documents execute: commands parse, Python runs, links exist, and numbers come from records."""

import inspect
import re
import shlex

import pytest
from support import ROOT

from palingen.recurrence import cells
from palingen.report import build

README = (ROOT / "README.md").read_text()
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text() for path in DOCUMENTS}
COMMANDS = sorted(
    {command for text in TEXTS.values() for command in re.findall(r"^    (palingen .+)$", text, re.MULTILINE)}
)
PYTHON = {
    f"{name}:{number}": block
    for name, text in TEXTS.items()
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", text, re.DOTALL), 1)
}


def test_the_readme_has_at_most_120_lines():
    assert len(README.splitlines()) <= 120


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_documents_is_valid(command):
    from palingen.cli import app

    verb, *_ = app.parse_args(shlex.split(command)[1:], exit_on_error=False, print_error=False)
    assert callable(verb)


@pytest.mark.parametrize("command", [one for one in COMMANDS if re.search("(sample|interpolate) pretrained:", one)])
def test_commands_that_need_only_shipped_generators_run(palingen, command):
    run = palingen(*shlex.split(command)[1:])
    assert run.returncode == 0, run.stderr
    assert ".png" in run.stdout


@pytest.mark.parametrize("name", [name for name in PYTHON if "def lstm" not in PYTHON[name]])
def test_the_python_of_the_documents_runs(name):
    values: dict[str, object] = {}
    exec(PYTHON[name], values)
    expected = {"images": (25, 1, 28, 28), "logits": (32, 10)}
    assert all(values[variable].shape == shape for variable, shape in expected.items() if variable in values)


def test_the_lstm_of_the_readme_is_the_one_that_runs():
    (shown,) = (block for block in PYTHON.values() if "def lstm" in block)
    body = "\n".join(line.strip() for line in shown.splitlines()[1:])
    source = inspect.getsource(inspect.unwrap(cells.lstm))
    assert body in "\n".join(line.strip() for line in source.splitlines())


@pytest.mark.parametrize("name", TEXTS)
def test_every_file_that_a_document_names_exists(name):
    links = re.findall(r"\]\(([^)#:]+)\)", TEXTS[name])
    assert [link for link in links if not ((ROOT / name).parent / link).exists()] == []
    assert [path for path in re.findall(r"`(src/[^`]+)`", TEXTS[name]) if not (ROOT / path).exists()] == []


def test_the_results_of_the_readme_are_those_of_the_records(tmp_path):
    (tmp_path / "runs").symlink_to(ROOT / "report" / "runs")
    files = build.build_report(tmp_path)
    assert all(path.stat().st_size > 10_000 for path in files if path.suffix == ".png")
    for name in ("results.md", "readme_table.md", "ablations.md"):
        assert (tmp_path / name).read_text() == (ROOT / "report" / name).read_text()
    table = (tmp_path / "readme_table.md").read_text()
    assert f"{build.BEGIN}\n{table}{build.END}" in README
    assert table.count("\n|") <= 8
