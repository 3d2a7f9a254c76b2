"""`palingen explore`: both laboratories on one interactive page."""

import sys
import webbrowser
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from palingen.cli.generators import open_generator
from palingen.cli.options import OutputFlags, OutputOptions, print_result
from palingen.gan.pretrained import PretrainedGenerator, shipped_generators
from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.pretrained import shipped_networks
from palingen.runtime.atomic_io import write_atomically
from palingen.runtime.errors import DataError, PalingenError
from palingen.runtime.json_io import read_json
from palingen.runtime.paths import PRETRAINED_PREFIX
from palingen.runtime.validation import require, unknown_choice
from palingen.web.digits.data import require_architecture
from palingen.web.memory.data import page_network, shipped_runs
from palingen.web.page import build_page
from palingen.web.server import serve_page

RUNS_HELP = (
    "Run folders of either laboratory, or pretrained:NAME; by default the shipped networks and pretrained:course, also "
    "for the laboratory of which none is named."
)

LARGE_MB = 10.0
"""Size of a page that opens slowly: more than two generators of the course's size."""

Lab = Literal["memory", "digits"]


def explore(
    *runs: Annotated[str, Parameter(help=RUNS_HELP)],
    only: Annotated[Lab | None, Parameter(help="Write one of the two tabs alone.", negative="")] = None,
    open: Annotated[bool, Parameter(help="Open the page in the browser.")] = True,  # noqa: A002 (the flag's name)
    serve: Annotated[bool, Parameter(help="Serve the page to this computer until Ctrl-C.", negative="")] = False,
    output: OutputFlags = OutputOptions(),
) -> None:
    """Write one HTML file and open it: no server, no network, no installation.

    Its tab Memory shows recurrent networks that read palindromes, its tab Digits the latent space of generators.
    """
    networks = [run for run in runs if _is_network(run)]
    others = [run for run in runs if run not in networks]
    require("only", only, only != "memory" or not others, f"{', '.join(others)} belongs to the tab digits")
    require("only", only, only != "digits" or not networks, f"{', '.join(networks)} belongs to the tab memory")
    page_networks = [] if only == "digits" else [page_network(run) for run in networks or shipped_runs()]
    generators = [] if only == "memory" else [_open(run) for run in others or (f"{PRETRAINED_PREFIX}course",)]
    page = build_page(generators, page_networks).encode()
    path = (output.out or Path("runs") / "explore") / "explorer.html"
    write_atomically(path, page)
    megabytes = len(page) / 1e6
    models = {
        "models": [generator.name for generator in generators],
        "networks": [network.name for network in page_networks],
    }
    record = {**models, "megabytes": megabytes, "files": [path]}
    print_result(record, output.json, title="Explorer")
    if megabytes > LARGE_MB:
        print(f"A page of {megabytes:.1f} MB opens slowly; fewer generators make it smaller.", file=sys.stderr)
    if serve:
        serve_page(path, open_browser=open)
    elif open:
        webbrowser.open(path.resolve().as_uri())


def _open(run: str) -> PretrainedGenerator:
    """Generator of a run, if the page can compute it."""
    name = run.removeprefix(PRETRAINED_PREFIX)
    if name == run:
        require_architecture(Path(run))
    elif name not in (shipped := shipped_generators()):
        raise PalingenError(f"{run}: {unknown_choice(name, [*shipped, *shipped_networks()])}")
    return open_generator(run)


def _is_network(run: str) -> bool:
    """Whether a run is of recurrent networks; anything else is a generator, or is refused as one."""
    if run.startswith(PRETRAINED_PREFIX):
        return run.removeprefix(PRETRAINED_PREFIX) in shipped_networks()
    try:
        config = read_json(Path(run) / "config.json", {"kind": str})
    except (OSError, DataError):
        return False
    return bool(config["kind"] == PalindromeConfig.__name__)
