"""The paper as a page: whole, for every screen and for those who hear it."""

import re

import pytest
from browser import ARGUMENTS, find, serious_findings
from conftest import ROOT
from playwright.sync_api import sync_playwright

FILE = ROOT / "report" / "report.html"
"""That it says what the records say is test_paper's."""

LOOKS = {
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}},
}


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        yield browser
        browser.close()


def test_the_page_carries_everything_and_asks_nobody():
    page = FILE.read_text()
    outside = re.findall(r"""(?:src|href)=["'](?!data:|#)([^"']*)|url\((?!["']?(?:data:|#))|@import""", page)
    assert outside == []
    assert "<script" not in page
    assert len(page) < 5_000_000
    images = re.findall(r"<img[^>]*>", page)
    assert len(images) > 10
    assert [image for image in images if not re.search(r'alt="[^"]+"', image)] == []
    assert page.count('role="img" aria-label="') >= 3
    assert "color-scheme: light dark" in page
    assert "width=device-width" in page


def test_every_number_of_the_page_leads_to_its_record():
    page = FILE.read_text()
    told = re.findall(r'<span class="told" title="([^"]+)"><a[^>]*href="#([^"]+)"', page)
    assert len(told) > 100
    anchors = set(re.findall(r'id="([^"]+)"', page))
    assert {anchor for _, anchor in told} <= anchors


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_serious_nothing_overflows_and_nothing_is_fetched(chromium, look):
    context = chromium.new_context(**LOOKS[look])
    page, requests = context.new_page(), []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(FILE.as_uri())
    serious = serious_findings(page)
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    context.close()
    assert serious == []
    assert overflow <= 0
    assert all(url.startswith(("file:", "data:")) for url in requests)
