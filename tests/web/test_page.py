"""The page as one HTML file."""

import re
from pathlib import Path

import pytest
from support import ROOT

from palingen.gan.config import GanConfig, build_networks
from palingen.gan.pretrained import PretrainedGenerator
from palingen.runtime.errors import PalingenError
from palingen.web.page import DIGITS, MEMORY, SHARED_MATHS, SHARED_PAGE, WEB, build_page

MAX_MEGABYTES = 8
MAX_MEGABYTES_OF_BOTH = 10


def test_two_generators_fit_in_8_megabytes(page_file):
    assert page_file.stat().st_size < MAX_MEGABYTES * 1e6


def test_the_page_names_nothing_outside_itself(page_file):
    text = re.sub(r'"[A-Za-z0-9+/=]{200,}"', '""', page_file.read_text())
    assert "http:" not in text
    assert "https:" not in text
    assert str(Path.home()) not in text


LABS = (MEMORY, DIGITS)


def test_every_placeholder_of_the_templates_is_filled(both_page):
    templates = [WEB / "shared" / "index.html", *(lab.folder / "index.html" for lab in LABS)]
    placeholders = {name for path in templates for name in re.findall(r"/\* \w+ \*/", path.read_text())}
    assert len(placeholders) == 13
    text = both_page.read_text()
    assert [placeholder for placeholder in placeholders if placeholder in text] == []


def test_every_script_in_the_folders_is_part_of_the_page():
    listed = {f"shared/{name}.js" for name in (*SHARED_MATHS, *SHARED_PAGE)}
    for lab in LABS:
        folders = {"maths/": lab.maths, "": (*lab.page, "main", "worker"), "panels/": lab.panels}
        listed |= {f"{lab.name}/{folder}{name}.js" for folder, names in folders.items() for name in names}
    assert {str(path.relative_to(WEB)) for path in WEB.rglob("*.js")} == listed


def test_scripts_of_the_maths_and_the_workers_use_no_dom():
    scripts = [
        *WEB.glob("*/maths/*.js"),
        *WEB.glob("*/worker.js"),
        *(WEB / "shared" / f"{name}.js" for name in SHARED_MATHS),
    ]
    dom = re.compile(r"\b(document|window|canvas|location|history|addEventListener)\b")
    code = {path.name: re.sub(r"//.*|/\*\*.*?\*/", "", path.read_text(), flags=re.DOTALL) for path in scripts}
    assert [name for name, text in code.items() if dom.search(text)] == []


def test_templates_and_scripts_have_no_inline_styles_and_no_inline_handlers():
    inline = re.compile(r"\s(style|on\w+)=[\"'`]")
    sources = [*WEB.rglob("*.html"), *WEB.rglob("*.js")]
    assert [path.name for path in sources if inline.search(path.read_text())] == []


def test_scripts_have_at_most_250_lines():
    assert [path.name for path in WEB.rglob("*.js") if len(path.read_text().splitlines()) > 250] == []


def test_a_generator_of_three_digits_is_refused():
    config = GanConfig(data="stacked")
    generator = PretrainedGenerator("three", build_networks(config).generator, config, Path("three"))
    with pytest.raises(PalingenError, match="three: makes three digits at once"):
        build_page([generator])


def test_the_committed_page_holds_the_present_scripts_and_style():
    page = (ROOT / "report" / "explorer.html").read_text()
    sources = [*WEB.rglob("*.js"), *WEB.rglob("*.css")]
    assert [path.name for path in sources if path.read_text() not in page] == []


def test_both_laboratories_fit_in_10_megabytes(both_page):
    assert both_page.stat().st_size < MAX_MEGABYTES_OF_BOTH * 1e6
