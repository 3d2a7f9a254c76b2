"""The browser page: template, style, scripts and data in one HTML file that needs no network."""

import json
import re
from collections.abc import Sequence
from typing import Any

from palingen.gan.pretrained import PretrainedGenerator
from palingen.runtime.content_security import content_security_policy, policy_element
from palingen.runtime.paths import PACKAGE_DIR
from palingen.web.digits.data import digits_data

DIGITS = PACKAGE_DIR / "web" / "digits"
"""Folder of the template, the style and the scripts."""

MATHS = ("decode", "convolutions", "network", "latents", "images", "inversion", "state")
"""Scripts without DOM, for the page and its worker, each after those that it uses at once."""

PANELS = (
    "current_digit",
    "samples",
    "interpolation",
    "latent_plane",
    "directions",
    "inversion",
    "training",
    "evaluation",
)

PAGE = ("controls", "canvas", "requests", "view", *(f"panels/{name}" for name in PANELS), "main")
"""Scripts of the page, in the order in which they run."""


def build_page(generators: Sequence[PretrainedGenerator]) -> str:
    """HTML of the page that explores the latent spaces of one or more generators of single digits.

    Raises:
        PalingenError: a generator makes three digits at once, or has a layer that the page cannot compute.
        DataError: the scores or the snapshots of a run are damaged.
        RunError: the weights of a snapshot are missing or damaged.
    """
    data = digits_data(generators)
    parts = {
        "style": (DIGITS / "style.css").read_text(),
        "metadata": _json(data.metadata),
        "maths": "".join((DIGITS / "maths" / f"{name}.js").read_text() for name in MATHS),
        "worker": (DIGITS / "worker.js").read_text(),
        "first_weights": _json(data.first_weights),
        "page": "".join((DIGITS / f"{name}.js").read_text() for name in PAGE),
        "remaining_weights": _json(data.remaining_weights),
    }
    policy = content_security_policy([parts["maths"], parts["page"]], [parts["style"]], worker=True)
    parts["policy"] = policy_element(policy)
    template = (DIGITS / "index.html").read_text()
    return re.sub(r"/\* (\w+) \*/", lambda placeholder: parts[placeholder[1]], template)


def _json(value: Any) -> str:
    """JSON that cannot end the script element around it."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
