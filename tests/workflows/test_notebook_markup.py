"""Tables and code of a notebook show any text literally."""

import pytest
from hostile import NAME, NAMES, visit
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output
from support import unchecked
from torch import nn

from palingen.gan.config import GanConfig
from palingen.workflows import notebook_display as notebook
from palingen.workflows.notebook_display.markup import HighlightedCode

PARAMETER = NAME.replace(".", "")
"""A name that a module may have."""


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """Notebook with hostile texts in its outputs, as the HTML that nbconvert makes of it."""
    configs = {NAME: unchecked(GanConfig(), data=NAME), "other": GanConfig(data="other")}
    tables = [
        notebook.table([{NAME: name} for name in (NAME, *NAMES)]),
        notebook.parameters(nn.ModuleDict({PARAMETER: nn.Linear(1, 1, bias=False)})),
        notebook.compare_configs(configs),
        notebook.settings(configs[NAME], "data"),
    ]
    outputs = [new_output("display_data", {"text/markdown": table._repr_markdown_()}) for table in tables]
    code = HighlightedCode(f"name = {NAME!r}")
    cell = new_code_cell(outputs=[*outputs, new_output("display_data", {"text/html": code._repr_html_()})])
    body, _ = HTMLExporter(template_name="basic").from_notebook_node(new_notebook(cells=[cell]))
    path = tmp_path_factory.mktemp("notebook") / "index.html"
    path.write_text(f'<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">{body}')
    return path


def shown(text):
    """Text as a table shows it: in one line."""
    return " ".join(text.split())


def test_a_notebook_shows_hostile_texts_literally_and_runs_none(chromium, page_file):
    with visit(chromium, page_file.as_uri()) as visited:
        first, parameters, configs, settings = (
            visited.page.locator("table").nth(number).locator("th, td").all_text_contents() for number in range(4)
        )
        code = visited.page.locator("pre").last.text_content()
        assert visited.page.locator("script, img, svg, table a, table em, table strong").count() == 0
    assert first == [shown(name) for name in (NAME, NAME, *NAMES)]
    assert parameters[3] == shown(PARAMETER) + ".weight"
    assert configs == ["setting", shown(NAME), "other", "data", shown(NAME), "other"]
    assert settings == ["setting", "value", "data", shown(NAME)]
    assert code.strip() == f"name = {NAME!r}"
    visited.assert_quiet("file:", "data:")
