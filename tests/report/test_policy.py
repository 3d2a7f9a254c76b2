"""The simple page and the report under their policies: a hostile name stays a name."""

import json
import re

import pytest
from fake_records import gan_run, link_subset
from hostile import NAME, visit
from support import ROOT

from palingen.report import figures, html, typst
from palingen.report.html import Page
from palingen.report.record_reader import read_records
from palingen.report.typst_inputs import TEMPLATE, write_inputs
from palingen.runtime.content_security import content_security_policy

LOCAL = ("file:", "data:")
REPORT = (ROOT / "report" / "report.html").read_text()


@pytest.fixture
def hostile_page(tmp_path):
    """The simple page with a hostile text everywhere."""
    figures.save(tmp_path / "picture.png", figures.gan_curves(gan_run([(1.0, 0.9, 0.8)]).run.records))
    page = Page(NAME)
    page.section(NAME, NAME)
    page.table((NAME, "b"), [(NAME, 1)])
    page.picture(tmp_path / "picture.png", NAME)
    page.write(tmp_path / "index.html")
    return tmp_path / "index.html"


def test_a_page_shows_hostile_text_literally_in_its_style(chromium, hostile_page):
    with visit(chromium, hostile_page.as_uri()) as visited:
        page = visited.page
        texts = [page.locator(selector).first.text_content() for selector in ("title", "h1", "h2", "p", "th", "td")]
        assert texts == [NAME] * 6
        assert page.title() == " ".join(re.split(r"[ \n]+", NAME))
        assert page.get_attribute("img", "alt") == page.locator("figcaption").text_content() == NAME
        assert page.locator("script, svg, main > a, meta[http-equiv] ~ meta[http-equiv]").count() == 0
        assert page.locator("body").evaluate("body => getComputedStyle(body).maxWidth") == "960px"
    visited.assert_quiet(*LOCAL)


def test_the_policy_of_a_page_refuses_another_style(chromium, hostile_page):
    hostile_page.write_text(hostile_page.read_text().replace(html.STYLE, html.STYLE + " "))
    with visit(chromium, hostile_page.as_uri()) as visited:
        assert visited.page.locator("body").evaluate("body => getComputedStyle(body).maxWidth") == "none"
    (error,) = visited.errors
    assert "style-src" in error


def test_the_report_allows_its_two_styles_by_hash_and_has_no_style_attributes():
    head, _, body = REPORT.partition("</head>")
    styles = re.findall(r"<style>(.*?)</style>", head, re.DOTALL)
    assert styles[1] == (TEMPLATE / "report.css").read_text()
    assert content_security_policy(styles=styles) in head
    assert "<style" not in body
    assert re.findall(r"<[^>]* style=", body) == []


def test_the_report_works_under_its_policy(chromium):
    with visit(chromium, (ROOT / "report" / "report.html").as_uri()) as visited:
        widths = visited.page.eval_on_selector_all(".drawing svg", "all => all.map(one => one.clientWidth)")
        assert len(widths) == 4
        assert min(widths) > 500
        assert visited.page.locator("main").evaluate("main => getComputedStyle(main).maxWidth") == "752px"
    visited.assert_quiet(*LOCAL)


def test_the_report_shows_hostile_records_literally(chromium, tmp_path):
    records = read_records(link_subset(tmp_path / "report", "palindromes/rnn-T5-seed0"))
    (tmp_path / "inputs").mkdir()
    write_inputs(tmp_path / "inputs", records, NAME)
    data = json.loads((tmp_path / "inputs" / "data.json").read_text())
    table = next(iter(data["tables"].values()))
    table["head"][0] = table["rows"][0][0] = NAME
    value = next(iter(data["values"].values()))
    value["text"] = NAME
    (tmp_path / "inputs" / "data.json").write_text(json.dumps(data))
    (tmp_path / "report.html").write_bytes(typst.compile_report(tmp_path / "inputs")["report.html"])
    with visit(chromium, (tmp_path / "report.html").as_uri()) as visited:
        text = " ".join(visited.page.locator("main").text_content().split())
        assert text.count(" ".join(NAME.split())) >= 2
        assert visited.page.locator("script, img[onerror], svg[onload]").count() == 0
    visited.assert_quiet(*LOCAL)
