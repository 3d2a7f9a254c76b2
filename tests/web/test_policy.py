"""The page under its own policy: everything works, and a hostile name stays a name."""

import json
import shutil
from dataclasses import asdict, replace

import pytest
from hostile import NAME, visit

from palingen.gan.pretrained import load_generator
from palingen.runtime.paths import PRETRAINED_DIR
from palingen.web.page import WEB, build_page

LOCAL = ("file:", "blob:", "data:")


def ready(page):
    page.wait_for_selector("#training-image[data-painted]")
    page.wait_for_selector("#plane-images[data-filled]")


@pytest.fixture(scope="module")
def hostile_file(tmp_path_factory):
    """Page of a scored generator with a hostile name."""
    folder = shutil.copytree(PRETRAINED_DIR / "course", tmp_path_factory.mktemp("hostile") / "run")
    path = folder / "explorer.html"
    (folder / "config.json").write_text(json.dumps({"kind": "GanConfig", **asdict(load_generator("course").config)}))
    path.write_text(build_page([replace(load_generator(folder), name=NAME)]))
    return path


def test_the_policy_allows_by_hash_alone(page_file):
    (policy,) = [line for line in page_file.read_text().splitlines() if "Content-Security-Policy" in line]
    assert "unsafe" not in policy
    assert policy.count("'sha256-") == 5  # two shared scripts, two of the laboratory, one style
    assert "script-src 'sha256-" in policy
    assert "script-src 'unsafe" not in policy
    assert "; worker-src blob:; base-uri 'none'; form-action 'none'\">" in policy
    assert "http-equiv" not in (WEB / "shared" / "index.html").read_text()


def test_every_panel_works_under_the_policy(chromium, page_file):
    with visit(chromium, page_file.as_uri(), accept_downloads=True) as visited:
        page = visited.page
        ready(page)
        page.click("#grid button:nth-child(7)")
        page.click("[data-pin=a]")
        page.fill("#truncation", "0.5")
        page.fill("#t", "0.3")
        page.fill(".direction:nth-child(1) input", "1.5")
        page.fill("#snapshot", "1")
        page.focus("#plane")
        page.keyboard.press("Shift+ArrowLeft")
        page.click("#training-digit")
        page.click("#invert")
        page.wait_for_selector("#inversion-progress", state="hidden")
        page.wait_for_selector("#nearest-image[data-painted]")
        with page.expect_download() as download:
            page.click("[data-save=samples]")
        assert download.value.suggested_filename == "palingen-samples.png"
        assert page.locator("#cursor").get_attribute("style").startswith("left: ")
        assert page.locator("#bars i").first.get_attribute("style").startswith("--probability")
        page.select_option("#model", "1")
        page.wait_for_selector("#digit", state="visible")
    visited.assert_quiet(*LOCAL)


def test_a_hostile_name_is_shown_literally_and_does_nothing(chromium, hostile_file):
    with visit(chromium, hostile_file.as_uri()) as visited:
        ready(visited.page)
        assert visited.page.locator("#model option").first.text_content() == NAME
        assert visited.page.locator("#scores th").nth(1).text_content() == NAME
        assert visited.page.title() == "palingen: explorer"
        assert visited.page.locator("script").count() == 6
    visited.assert_quiet(*LOCAL)


INJECTED = """
<script>alert(1)</script><img src=https://example.invalid/x onerror=alert(2)><svg onload=alert(3)></svg>
<iframe srcdoc='<script>alert(4)</script>'></iframe><object data=https://example.invalid/x></object>
<a href=javascript:alert(5) id=go>x</a><base href=https://example.invalid/>
<form action=https://example.invalid/x><button id=send>x</button></form>
<link rel=stylesheet href=https://example.invalid/x.css><style>h1 { display: none }</style><p style="position: fixed">
"""


def test_markup_that_got_into_the_page_all_the_same_neither_runs_nor_loads_anything(chromium, page_file, tmp_path):
    (tmp_path / "page.html").write_text(page_file.read_text().replace("<header>", INJECTED + "<header>", 1))
    with visit(chromium, (tmp_path / "page.html").as_uri()) as visited:
        ready(visited.page)
        for button in ("#go", "#send"):
            visited.page.locator(button).dispatch_event("click")
        assert visited.page.locator("h1").is_visible()
        visited.page.wait_for_timeout(200)
        assert visited.page.url.startswith("file:")
    assert visited.dialogs == []
    assert all("Content Security Policy" in error for error in visited.errors), visited.errors
    refused = ("script-src", "img-src", "style-src", "base-uri", "form-action")
    assert [name for name in refused if not any(f"{name} " in error for error in visited.errors)] == []
    # The browser reports a request before it asks the policy.
    assert {url: visited.failures.get(url) for url in visited.requests if not url.startswith(LOCAL)} == {
        "https://example.invalid/x": "csp", "https://example.invalid/x.css": "csp"
    }  # fmt: skip
