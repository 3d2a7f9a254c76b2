"""Documents execute: what the README shows is run, and what it says is a record's."""

import inspect
import re
import shlex

import pytest
from conftest import ROOT

from palingen.recurrence import cells
from palingen.report import write

README = (ROOT / "README.md").read_text()
PALINGEN = re.findall(r"^    (palingen .+)$", README, re.MULTILINE)


def test_there_are_commands_to_try():
    assert len(PALINGEN) >= 8


@pytest.mark.parametrize("command", PALINGEN)
def test_every_command_of_the_readme_is_understood(command):
    from palingen.cli import app

    verb, *_ = app.parse_args(shlex.split(command)[1:], exit_on_error=False, print_error=False)
    assert callable(verb)


SHOWN = [command for command in PALINGEN if re.search("(sample|interpolate) (report/runs/|pretrained:)", command)]


@pytest.mark.parametrize("command", SHOWN)
def test_the_kept_generator_is_sampled_and_walked_through_as_the_readme_says(palingen, command):
    arguments = [str(ROOT / word) if word.startswith("report/") else word for word in shlex.split(command)[1:]]
    run = palingen(*arguments)
    assert run.returncode == 0, run.stderr
    assert ".png" in run.stdout


def test_the_python_of_the_readme_runs():
    _, *examples = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, object] = {}
    for example in examples:
        exec(example, names)
    assert names["images"].shape == (25, 1, 28, 28)
    assert names["logits"].shape == (32, 10)


def test_the_lstm_of_the_readme_is_the_lstm_that_runs():
    shown, *_ = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    body = "\n".join(line.strip() for line in shown.splitlines()[1:])
    assert body in "\n".join(line.strip() for line in inspect.getsource(cells.lstm.__wrapped__).splitlines())


def test_every_file_the_readme_points_to_is_there():
    links = re.findall(r"\]\(([^)#]+)\)", README) + re.findall(r"`(src/[^`]+)`", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_results_in_the_readme_are_those_of_the_records(tmp_path):
    (tmp_path / "runs").symlink_to(ROOT / "report" / "runs")
    files = write.write(tmp_path)
    assert all(path.stat().st_size > 10_000 for path in files if path.suffix == ".png")
    results = (tmp_path / "results.md").read_text()
    assert results == (ROOT / "report" / "results.md").read_text()
    assert f"{write.BEGIN}\n{results}{write.END}" in README


def test_a_report_without_its_records_is_named(tmp_path):
    with pytest.raises(write.DataError, match="missing or damaged"):
        write.write(tmp_path)
