"""Names that try to become markup or script, and a browser that notices if one does."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

NAMES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "</script><script>alert(3)</script>",
    "</title></style><svg onload=alert(4)>",
    "<!--<script>",
    "' onmouseover='alert(5)",
    "a\u2028b\u2029c",
    "${alert(6)} {{7*7}} $x^2$ &amp; \\",
    "[a](javascript:alert(7)) `b` | *c*",
)

NAME = " ".join(NAMES)
"""All of them in one name."""


@dataclass
class Visit:
    """A page in a browser, with everything that a hostile name could have caused."""

    page: Any
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    def assert_quiet(self, *schemes: str) -> None:
        """Check that there was no error, no dialog, and no request but to URLs that begin like this."""
        assert self.errors == []
        assert self.dialogs == []
        assert [url for url in self.requests if not url.startswith(schemes)] == []


@contextmanager
def visit(browser: Any, url: str, **options: Any) -> Iterator[Visit]:
    """Open a page under its own policy."""
    context = browser.new_context(**options)
    visited = Visit(context.new_page())
    visited.page.on("console", lambda message: visited.errors.append(message.text) if message.type == "error" else None)
    visited.page.on("pageerror", lambda error: visited.errors.append(str(error)))
    visited.page.on("request", lambda request: visited.requests.append(request.url))
    visited.page.on("requestfailed", lambda request: visited.failures.update({request.url: request.failure}))
    visited.page.on("dialog", lambda dialog: (visited.dialogs.append(dialog.message), dialog.dismiss()))
    try:
        visited.page.goto(url)
        yield visited
    finally:
        context.close()
