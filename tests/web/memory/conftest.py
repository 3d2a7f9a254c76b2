"""Fixtures of the memory page's tests: the page as a file, opened from the disk."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from memory_page import settle_memory
from support import write_page_once

from palingen.web.memory.data import page_network, shipped_runs
from palingen.web.page import build_page


@pytest.fixture(scope="session")
def memory_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Page with the shipped networks alone."""
    return write_page_once(
        tmp_path_factory, "memory-page", lambda: build_page([], [page_network(run) for run in shipped_runs()])
    )


@contextmanager
def watched_pages(chromium: Any, memory_file: Path) -> Iterator[Callable[..., Any]]:
    """Function that opens the page with a hash; in the end, the console is empty and nothing else was requested."""
    contexts, messages, requests = [], [], []

    def open_it(link: str = "", file: Path = memory_file, **options: Any) -> Any:
        # Playwright's own waiting needs what the page's policy forbids; the test of the first picture keeps the policy.
        context = chromium.new_context(viewport={"width": 1280, "height": 900}, **{"bypass_csp": True, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(90_000)  # measurements wait for each other, and may share the machine with other tests
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(file.as_uri() + link)
        page.wait_for_selector("#read-maps[data-painted]")
        if "bypass_csp" not in options:
            settle_memory(page)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert messages == []
    assert requests
    assert all(url.startswith(("file:", "blob:", "data:")) for url in requests)


@pytest.fixture
def open_memory(chromium: Any, memory_file: Path) -> Iterator[Callable[..., Any]]:
    """Open the page with a hash."""
    with watched_pages(chromium, memory_file) as open_it:
        yield open_it


@pytest.fixture(scope="session")
def unchanged_page(chromium: Any, memory_file: Path) -> Iterator[Any]:
    """The page as it opens, for tests that only read it or compute with its functions: opening takes seconds."""
    with watched_pages(chromium, memory_file) as open_it:
        yield open_it()
