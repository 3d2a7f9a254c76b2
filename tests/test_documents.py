"""Documents execute: every page runs from top to bottom, links exist, and numbers come from records."""

import contextlib
import inspect
import re
import shlex

import pytest
import torch
from document_pages import (
    EXAMPLES,
    RUN_ELSEWHERE,
    SHORTENED,
    TEXTS,
    all_commands,
    exists,
    is_excerpt,
    page_blocks,
    relative_links,
    short_arguments,
    verb_of,
)
from support import ROOT

from palingen.gan.evaluation import evaluator
from palingen.recurrence import cells
from palingen.report import build

README = TEXTS["README.md"]
COMMANDS = all_commands()
EXPECTED_SHAPES = {
    "README.md": {"images": (25, 1, 28, 28), "logits": (32, 10)},
    "docs/start.md": {"images": (25, 1, 28, 28)},
}
RUN_BEFORE: set[tuple[str, ...]] = set()
"""Commands that another page has run."""

GAN_RUN = ("gan", "train", "--epochs", 1, "--no-monitor-samples", "--data", "few-digits", "--out", "runs/first")


def test_the_readme_has_at_most_120_lines():
    assert len(README.splitlines()) <= 120


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_documents_is_valid(command, tmp_path, monkeypatch):
    from palingen.cli import app

    link_examples(tmp_path)
    monkeypatch.chdir(tmp_path)
    verb, *_ = app.parse_args(shlex.split(command)[1:], exit_on_error=False, print_error=False)
    assert callable(verb)


@pytest.mark.parametrize("verb", sorted({verb_of(command) for command in COMMANDS}))
def test_every_verb_of_the_documents_is_run_here_or_by_its_own_test(verb):
    assert (verb in SHORTENED) != (verb in RUN_ELSEWHERE)
    if verb in RUN_ELSEWHERE and verb != "--version":  # which needs a process of its own
        arguments = '", "'.join(verb.split())  # as a test gives them
        assert f'"{arguments}"' in (ROOT / RUN_ELSEWHERE[verb]).read_text()


@pytest.fixture
def few_real_images(monkeypatch):
    """A reference of few images, so that an evaluator is soon made."""
    load_all = evaluator.load_images
    monkeypatch.setattr(evaluator, "load_images", lambda part: load_all(part).select(torch.arange(2000)))
    evaluator.mnist_evaluator.cache_clear()
    yield
    evaluator.mnist_evaluator.cache_clear()


def link_examples(folder):
    """Put the files that pages have their readers save into a folder."""
    for path in EXAMPLES:
        (folder / path.name).symlink_to(path)


@pytest.fixture
def page_folder(tmp_path, few_digits, palingen, request):
    """Folder in which a page runs, with the files it has its reader save, and a GAN's run that another page makes."""
    (tmp_path / "few-digits").symlink_to(few_digits)
    link_examples(tmp_path)
    text = TEXTS[request.param]
    if "runs/first" in text and "gan train --epochs 10 --out runs/first" not in text:
        assert palingen(*GAN_RUN).returncode == 0
    return request.param, tmp_path


@pytest.mark.parametrize("page_folder", [name for name in TEXTS if page_blocks(TEXTS[name])], indirect=True)
def test_a_page_runs_from_top_to_bottom(page_folder, palingen, few_real_images):
    name, folder = page_folder
    values: dict[str, object] = {}
    for block in page_blocks(TEXTS[name]):
        if block.command and (arguments := short_arguments(block.command)) and tuple(arguments) not in RUN_BEFORE:
            run = palingen(*arguments)
            assert run.returncode == 0, f"{block.command}\n{run.stderr}"
            if "--out" not in arguments:  # nothing later on the page needs it
                RUN_BEFORE.add(tuple(arguments))
        elif block.python and not is_excerpt(name, block.python):
            with contextlib.chdir(folder):
                exec(block.python, values)
    for variable, shape in EXPECTED_SHAPES.get(name, {}).items():
        assert values[variable].shape == shape


def test_the_torch_to_install_before_the_wheel_is_one_that_the_package_accepts():
    (bounds,) = re.findall(r'"(torch>=[^"]+)"', (ROOT / "pyproject.toml").read_text())
    assert f"`{bounds}`" in TEXTS["docs/start.md"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_a_page_shows_each_example_as_it_is_and_links_to_it(path):
    pages = [page for page in path.parents[1].glob("*.md") if f"```python\n{path.read_text()}```" in page.read_text()]
    assert len(pages) == 1
    assert f"]({path.relative_to(path.parents[1])})" in pages[0].read_text()


@pytest.mark.parametrize("name", ["README.md", "docs/tutorials/memory.md"])
def test_the_lstm_of_a_document_is_the_one_that_runs(name):
    (shown,) = (block.python for block in page_blocks(TEXTS[name]) if block.python and "def lstm" in block.python)
    body = shown[shown.index("def lstm") :].splitlines()[1:]
    source = inspect.getsource(inspect.unwrap(cells.lstm))
    assert "\n".join(map(statement, body)) in "\n".join(map(statement, source.splitlines()))


def statement(line):
    """Line of code without comment and indentation."""
    return line.partition("#")[0].strip()


@pytest.mark.parametrize("name", TEXTS)
def test_every_file_that_a_document_names_exists(name):
    assert [link for link in relative_links(TEXTS[name]) if not exists(name, link)] == []
    assert [path for path in re.findall(r"`(src/[^`]+)`", TEXTS[name]) if not (ROOT / path).exists()] == []


def test_the_results_of_the_readme_are_those_of_the_report():
    table = (ROOT / "report" / "readme_table.md").read_text()  # tests/report/test_build.py compares it with the records
    assert f"{build.BEGIN}\n{table}{build.END}" in README
    assert table.count("\n|") <= 8
