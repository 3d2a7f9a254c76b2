"""The simple page, and the report as a page: complete, accessible, and without requests."""

import re

import pytest
from browser import serious_findings
from fake_records import gan_run
from support import ROOT

from palingen.report import figures
from palingen.report.html import Page

REPORT = ROOT / "report" / "report.html"
"""test_typst checks that it is built from the committed records."""

CONTEXTS = {
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}},
}


def test_a_page_holds_its_text_escaped_and_its_pictures_embedded(tmp_path):
    curves = figures.gan_curves(gan_run([(1.0, 0.9, 0.8)]).run.records)
    figures.save(tmp_path / "picture.png", curves)
    page = Page("1 < 2")
    page.section("Heading", "text & more")
    page.table(("a", "b"), [(1, "<b>")])
    page.picture(tmp_path / "picture.png", 'a "picture"')
    page.write(tmp_path / "index.html")
    html = (tmp_path / "index.html").read_text()
    for part in ("1 &lt; 2", "text &amp; more", "<td>&lt;b&gt;</td>", 'alt="a &quot;picture&quot;"', "base64,iVBOR"):
        assert part in html
    assert "http" not in html.replace("http-equiv", "")


def test_the_report_embeds_everything_and_describes_every_image():
    html = REPORT.read_text()
    outside = re.findall(r"""(?:src|href)=["'](?!data:|#)([^"']*)|url\((?!["']?(?:data:|#))|@import""", html)
    assert outside == []
    assert "<script" not in html
    assert len(html) < 5_000_000
    images = re.findall(r"<img[^>]*>", html)
    assert len(images) > 10
    assert [image for image in images if not re.search(r'alt="[^"]+"', image)] == []
    assert html.count('role="img" aria-label="') >= 3
    assert "color-scheme: light dark" in html
    assert "width=device-width" in html


def test_every_number_of_the_report_links_to_its_record():
    html = REPORT.read_text()
    links = re.findall(r'<span class="value" title="[^"]+"><a[^>]*href="#([^"]+)"', html)
    assert len(links) > 100
    assert set(links) <= set(re.findall(r'id="([^"]+)"', html))


@pytest.mark.parametrize("name", CONTEXTS)
def test_the_report_has_no_serious_barriers_no_overflow_and_no_requests(chromium, name):
    context = chromium.new_context(**CONTEXTS[name])
    page, requests = context.new_page(), []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(REPORT.as_uri())
    serious = serious_findings(page)
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    context.close()
    assert serious == []
    assert overflow <= 0
    assert all(url.startswith(("file:", "data:")) for url in requests)
