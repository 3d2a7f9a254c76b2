"""Server of one page to the browsers of this computer."""

import sys
import webbrowser
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from palingen.runtime.content_security import HEADERS, served_policy

LOOPBACK = "127.0.0.1"

HOSTS = (LOOPBACK, "localhost")
"""Names of this computer in a request. A page elsewhere whose name leads here (DNS rebinding) sends its own name."""

TIMEOUT_S = 30
"""Seconds that a silent connection is kept."""


def serve_page(path: Path, *, open_browser: bool, port: int = 0) -> None:
    """Serve one file, as it is now, on the loopback address until Ctrl-C; port 0 is any free one."""
    with PageServer(path, port) as server:
        print(f"{server.url} (Ctrl-C ends)", file=sys.stderr, flush=True)
        if open_browser:
            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


class PageServer(ThreadingHTTPServer):
    """Server of one file. It reads the file once, so that no path of a request ever reaches the disk.

    Attributes:
        url: address of the page.
        target: path of the page in a request.
        hosts: names that a request may be addressed to.
    """

    def __init__(self, path: Path, port: int = 0) -> None:
        self.page = path.read_bytes()
        self.headers = HEADERS | {"Content-Security-Policy": served_policy(self.page.decode())}
        super().__init__((LOOPBACK, port), _PageHandler)
        self.target = f"/{path.name}"
        self.url = f"http://{LOOPBACK}:{self.server_port}{self.target}"
        self.hosts = {f"{host}:{self.server_port}" for host in HOSTS}

    def handle_error(self, request: object, client_address: object) -> None:
        """Print no traceback for a connection that the browser dropped."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # passed through unchanged


class _PageHandler(BaseHTTPRequestHandler):
    """Answers GET and HEAD of the page; refuses all else, other methods by having none for them."""

    server: PageServer
    server_version, sys_version = "palingen", ""
    timeout = TIMEOUT_S

    def do_GET(self) -> None:
        """Send the page."""
        if self._send_head():
            self.wfile.write(self.server.page)

    def do_HEAD(self) -> None:
        """Send the page's headers."""
        self._send_head()

    def _send_head(self) -> bool:
        """Send the headers, of an error if the request is not for the page; return whether the page follows."""
        if self.headers.get_all("Host", []) not in [[host] for host in self.server.hosts]:
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, "Not a name of this computer")
            return False
        if self.path.partition("?")[0] != self.server.target:
            self.send_error(HTTPStatus.NOT_FOUND)
            return False
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(self.server.page)))
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        return True

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (the parent's name)
        """Print no line for each request."""
