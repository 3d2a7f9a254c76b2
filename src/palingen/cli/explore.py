"""`palingen gan explore`: generators to play with, on one page."""

import sys
import webbrowser
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from palingen.adversarial.explorer import explorer
from palingen.adversarial.trained import PREFIX, load
from palingen.cli.terminal import Where as Result
from palingen.cli.terminal import say
from palingen.files import write_atomically
from palingen.runs import choose_device

LOOPBACK = "127.0.0.1"

LARGE = 8.0
"""Megabytes of a page beyond which it is worth a word: two generators of the course's size."""


def explore(
    *runs: str,
    open: Annotated[bool, Parameter(negative="--no-open")] = True,  # noqa: A002 (the flag's name)
    out: Path = Path("runs") / "explorer.html",
    serve: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write one HTML file with trained generators to play with, and open it: no server, no network, no installation.

    Parameters
    ----------
    runs:
        Folders of finished runs, or pretrained:NAME; pretrained:course if left out.
    open:
        Open the page in the browser.
    out:
        File to write.
    serve:
        Serve the page to this computer only, until Ctrl-C, for a browser that opens no files.
    json:
        Print the result as one JSON object on standard output and nothing else there.
    """
    choose_device("cpu")
    sources = [run if run.startswith(PREFIX) else Path(run) for run in runs or (f"{PREFIX}course",)]
    models = [(load(source), source) for source in sources]
    page = explorer(models).encode()
    write_atomically(out, page)
    size = len(page) / 1e6
    result = {"models": [trained.name for trained, _ in models], "megabytes": size, "files": [out]}
    say(result, Result(json=json), title="Explorer")
    if size > LARGE:
        print(f"A page of {size:.1f} MB opens slowly; fewer generators make it smaller.", file=sys.stderr)
    if serve:
        serve_page(out, open_browser=open)
    elif open:
        webbrowser.open(out.resolve().as_uri())


def serve_page(path: Path, *, open_browser: bool, port: int = 0) -> None:
    """Serve one folder's page on the loopback address until Ctrl-C; port 0 takes a free one."""
    handler = partial(_Page, directory=str(path.resolve().parent), page=f"/{path.name}")
    with ThreadingHTTPServer((LOOPBACK, port), handler) as server:
        url = f"http://{LOOPBACK}:{server.server_port}/{path.name}"
        print(f"{url} (Ctrl-C ends)", file=sys.stderr, flush=True)
        if open_browser:
            webbrowser.open(url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


class _Page(SimpleHTTPRequestHandler):
    """Serves one file and nothing else of its folder."""

    def __init__(self, *arguments: object, page: str, **options: object) -> None:
        self.page = page
        super().__init__(*arguments, **options)  # type: ignore[arg-type]  # handed on as they are

    def send_head(self):  # type: ignore[no-untyped-def]  # as its parent's
        """Refuse every other path."""
        if self.path.split("?")[0] != self.page:
            self.send_error(404)
            return None
        return super().send_head()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (its parent's name)
        """No line for each request."""
