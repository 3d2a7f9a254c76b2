"""The page as one HTML file."""

import re
from pathlib import Path

import pytest
from support import ROOT

from palingen.gan.config import GanConfig, build_networks
from palingen.gan.pretrained import PretrainedGenerator
from palingen.runtime.errors import PalingenError
from palingen.web.page import DIGITS, MATHS, PAGE, build_page

MAX_MEGABYTES = 8


def test_two_generators_fit_in_8_megabytes(page_file):
    assert page_file.stat().st_size < MAX_MEGABYTES * 1e6


def test_the_page_names_nothing_outside_itself(page_file):
    text = re.sub(r'"[A-Za-z0-9+/=]{200,}"', '""', page_file.read_text())
    assert "http:" not in text
    assert "https:" not in text
    assert str(Path.home()) not in text


def test_every_placeholder_of_the_template_is_filled(page_file):
    placeholders = set(re.findall(r"/\* \w+ \*/", (DIGITS / "index.html").read_text()))
    assert len(placeholders) == 8
    text = page_file.read_text()
    assert [placeholder for placeholder in placeholders if placeholder in text] == []


def test_every_script_in_the_folder_is_part_of_the_page():
    listed = {f"maths/{name}.js" for name in MATHS} | {f"{name}.js" for name in PAGE} | {"worker.js"}
    assert {str(path.relative_to(DIGITS)) for path in DIGITS.rglob("*.js")} == listed


def test_scripts_of_the_maths_and_the_worker_use_no_dom():
    scripts = [*(DIGITS / "maths").glob("*.js"), DIGITS / "worker.js"]
    dom = re.compile(r"\b(document|window|canvas|location|history|addEventListener)\b")
    code = {path.name: re.sub(r"//.*|/\*\*.*?\*/", "", path.read_text(), flags=re.DOTALL) for path in scripts}
    assert [name for name, text in code.items() if dom.search(text)] == []


def test_a_generator_of_three_digits_is_refused():
    config = GanConfig(data="stacked")
    generator = PretrainedGenerator("three", build_networks(config).generator, config, Path("three"))
    with pytest.raises(PalingenError, match="three: makes three digits at once"):
        build_page([generator])


def test_the_committed_page_holds_the_present_scripts_and_style():
    page = (ROOT / "report" / "explorer.html").read_text()
    sources = [*DIGITS.rglob("*.js"), DIGITS / "style.css"]
    assert [path.name for path in sources if path.read_text() not in page] == []
