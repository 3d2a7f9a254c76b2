"""The documentation site: strictly built, complete, usable from disk and from a server, with nothing from outside."""

import http.server
import os
import re
import subprocess
import sys
import threading
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from browser import serious_findings
from support import ROOT

import palingen
from palingen.cli.help import GROUP_OF

SELF_CONTAINED = ("report/explorer.html", "report/report.html")
"""Pages of one file, which other tests check."""

VIEWS = {
    "phone, dark": ({"width": 390, "height": 844}, "dark"),
    "tablet, light": ({"width": 820, "height": 1180}, "light"),
    "desktop, dark": ({"width": 1400, "height": 900}, "dark"),
}

SAMPLE = ("index.html", "recipes.html", "how-to/cell.html", "reference/gan.html", "reference/recurrence.html")
"""Pages of each kind: text, wide tables, code, and both references."""


class Page(HTMLParser):
    """Links, sources and anchors of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.sources: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.anchors |= {values[name] for name in ("id", "name") if values.get(name)}
        self.links += [values["href"]] if tag == "a" and values.get("href") else []
        self.sources += [values["href"]] if tag == "link" and values.get("rel") != "canonical" else []
        self.sources += [values["src"]] if values.get("src") else []


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT / "src")}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    return folder


@pytest.fixture(scope="module")
def pages(site):
    """Every page of the site by its path, but for those of one file."""
    paths = {path.relative_to(site).as_posix(): path for path in site.rglob("*.html")}
    return {name: Page(path.read_text()) for name, path in paths.items() if name not in SELF_CONTAINED}


@pytest.fixture
def server(site):
    """Address of a plain web server of the site."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}/"
        httpd.shutdown()
        thread.join()


@pytest.fixture
def open_page(chromium):
    """Open a page; afterwards, check that its console is empty and that nothing was requested from outside."""
    contexts, messages, requests = [], [], []

    def open_it(address, **options):
        contexts.append(chromium.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(address)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert messages == []
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:", "http://127.0.0.1"))] == []


def resolve(name: str, link: str) -> tuple[str, str]:
    """Path in the site, and anchor, to which a link on a page leads."""
    parts = urlsplit(link)
    path = os.path.normpath(Path(name).parent / unquote(parts.path)) if parts.path else name
    return str(path), unquote(parts.fragment)


def is_outside(link: str) -> bool:
    return bool(re.match(r"[a-z]+:|//", link))


def test_every_link_of_the_site_leads_to_a_file_and_to_an_anchor_on_it(site, pages):
    links = [(name, link) for name, page in pages.items() for link in page.links + page.sources if not is_outside(link)]
    assert len(pages) > 30
    assert len(links) > 2000
    broken = []
    for name, link in links:
        path, anchor = resolve(name, link)
        if name == "404.html":  # its links begin at the root of the site
            path = path.lstrip("/")
        exists = (site / path).is_file() or (site / path / "index.html").is_file()
        if not exists or (anchor and path in pages and anchor not in pages[path].anchors | {"__top"}):
            broken.append((name, link))
    assert broken == []


def test_nothing_is_loaded_from_outside(site, pages):
    sources = {source for page in pages.values() for source in page.sources}
    assert len(sources) > 30
    assert [source for source in sources if is_outside(source)] == []
    styles = "".join(path.read_text() for path in site.rglob("*.css"))
    assert re.findall(r"@import[^;]*|url\(\s*[\"']?(?:https?:)?//[^)]*", styles) == []


def test_links_to_other_sites_are_few_since_nobody_checks_them(pages):
    links = {link for page in pages.values() for link in page.links if is_outside(link)}
    assert links == {"https://squidfunk.github.io/mkdocs-material/"}


def test_every_public_name_has_a_place_in_the_reference(pages):
    anchors = set().union(*(page.anchors for name, page in pages.items() if name.startswith("reference/")))
    renamed = {"notebook": "palingen.notebook_display"}
    assert [name for name in palingen.__all__ if renamed.get(name, f"palingen.{name}") not in anchors] == []


def test_every_command_and_every_option_has_a_place_in_the_reference(site, pages):
    from cli.test_help import VERBS, shown_options

    texts = {name: (site / f"reference/{name}.html").read_text() for name in ("palindrome", "gan", "commands")}
    missing = []
    for verb in VERBS:
        group = verb.split()[0]
        name = group if group in texts else "commands"
        section = re.search(
            rf'<h2 id="palingen-{verb.replace(" ", "-")}">.*?(?=<h2|</article>)', texts[name], re.DOTALL
        )
        shown = re.sub(r"<[^>]+>", "", section[0]) if section else ""
        flags = [f"-{option.replace('_', '-')}" for option in shown_options(verb) if option in GROUP_OF]
        missing += [(verb, flag) for flag in flags if flag.removeprefix("-") not in shown]
        assert section, verb
    assert missing == []


@pytest.mark.parametrize("origin", ["disk", "server"])
def test_the_search_finds_a_word_and_leads_to_its_page(origin, site, server, open_page):
    page = open_page(site.joinpath("index.html").as_uri() if origin == "disk" else server + "index.html")
    page.locator(".md-search__input").click()
    page.locator(".md-search__input").press_sequentially("microcode")
    page.locator(".md-search-result__item a").first.click()
    page.wait_for_url(re.compile("how-it-works/engines.html"))
    assert "Subnormal numbers" in page.inner_text("article")


@pytest.mark.parametrize("view", VIEWS)
def test_pages_fit_their_screen_and_have_no_serious_barriers(view, server, open_page):
    size, scheme = VIEWS[view]
    page = open_page(server + SAMPLE[0], viewport=size, color_scheme=scheme)
    for name in SAMPLE:
        page.goto(server + name)
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, name
        assert page.locator("h1").is_visible()
        if name == SAMPLE[0]:
            assert serious_findings(page) == []


def test_the_browser_page_works_inside_the_site(site, open_page):
    page = open_page((site / "explore.html").as_uri(), viewport={"width": 1400, "height": 900})
    frame = page.frame_locator("iframe.explorer")
    frame.get_by_role("tab", name="Digits").click()
    assert frame.locator("#lab-digits").is_visible()
