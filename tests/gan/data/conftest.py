"""A local server of files, with the faults of real ones."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class FileServer:
    """Server of `files` (by path) on this computer, which breaks off its first `breaks` transfers half way."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.breaks, self.has_ranges = 0, True
        self.requests: list[tuple[str, str | None]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests.append((self.path, self.headers["Range"]))
                content = server.files.get(self.path)
                if content is None:
                    self.send_error(404)
                    return
                start = int((self.headers["Range"] or "bytes=0-")[6:-1]) if server.has_ranges else 0
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                is_broken, server.breaks = server.breaks > 0, server.breaks - 1
                self.wfile.write(content[start : (start + len(content)) // 2] if is_broken else content[start:])

            def log_message(self, *arguments: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        """Stop: nobody listens at `url` any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FileServer, FileServer]]:
    """Two mirrors."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    both = FileServer(), FileServer()
    yield both
    for server in both:
        server.close()


@pytest.fixture
def dead_url() -> str:
    """Address at which nobody listens, as without a network."""
    server = FileServer()
    server.close()
    return server.url
