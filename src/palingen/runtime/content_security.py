"""Content-Security-Policy of the pages: what a browser may load and run, https://www.w3.org/TR/CSP3/.

A page holds its scripts and styles inline, so that it is one file. Each is allowed by its hash: markup that got into
the page by any other path neither runs nor loads anything.
"""

import base64
import hashlib
import re
from collections.abc import Sequence

CHARSET = '<meta charset="utf-8">'

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers of a served page beside its policy: not to be guessed at, framed, referred to, read by others or stored."""

_META = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')


def content_security_policy(scripts: Sequence[str] = (), styles: Sequence[str] = (), *, worker: bool = False) -> str:
    """Policy under which a page runs these scripts and styles and nothing else, and makes no request.

    Images come from `data:` URLs, which hold them.

    Args:
        scripts: contents of the script elements that run.
        styles: contents of the style elements; style attributes are not allowed.
        worker: whether the page makes a worker from its own text, for which there is no hash.
    """
    directives = {
        "default-src": ["'none'"],
        "script-src": [source_hash(script) for script in scripts],
        "style-src": [source_hash(style) for style in styles],
        "img-src": ["data:"],
        "worker-src": ["blob:"] if worker else [],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items() if sources)


def source_hash(text: str) -> str:
    """Hash of the content of a script or style element, as a policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def policy_element(policy: str) -> str:
    """Meta element of a policy. It stands first in the head: it holds for what follows it."""
    return f'<meta http-equiv="Content-Security-Policy" content="{policy}">'


def served_policy(page: str) -> str:
    """Policy for the header of a served page: its own, and no frame around it, which a meta element cannot forbid.

    A page without a policy may load nothing.
    """
    head, end, _ = page.partition("</head>")
    policy = _META.search(head if end else "")
    return f"{policy[1] if policy else content_security_policy()}; frame-ancestors 'none'"
