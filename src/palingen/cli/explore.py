"""`palingen explore`: trained generators on one interactive page."""

import sys
import webbrowser
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from palingen.cli.generators import open_generator
from palingen.cli.options import OutputFlags, OutputOptions, print_result
from palingen.runtime.atomic_io import write_atomically
from palingen.runtime.paths import PRETRAINED_PREFIX
from palingen.web.page import build_page
from palingen.web.server import serve_page

RUNS_HELP = "Run folders of gan train, or pretrained:NAME; by default pretrained:course."

LARGE_MB = 8.0
"""Size of a page that opens slowly: more than two generators of the course's size."""


def explore(
    *runs: Annotated[str, Parameter(help=RUNS_HELP)],
    open: Annotated[bool, Parameter(help="Open the page in the browser.")] = True,  # noqa: A002 (the flag's name)
    serve: Annotated[bool, Parameter(help="Serve the page to this computer until Ctrl-C.", negative="")] = False,
    output: OutputFlags = OutputOptions(),
) -> None:
    """Write one HTML file to explore trained generators, and open it: no server, no network, no installation."""
    generators = [open_generator(run) for run in runs or (f"{PRETRAINED_PREFIX}course",)]
    page = build_page(generators).encode()
    path = (output.out or Path("runs") / "explore") / "explorer.html"
    write_atomically(path, page)
    megabytes = len(page) / 1e6
    record = {"models": [generator.name for generator in generators], "megabytes": megabytes, "files": [path]}
    print_result(record, output.json, title="Explorer")
    if megabytes > LARGE_MB:
        print(f"A page of {megabytes:.1f} MB opens slowly; fewer generators make it smaller.", file=sys.stderr)
    if serve:
        serve_page(path, open_browser=open)
    elif open:
        webbrowser.open(path.resolve().as_uri())
