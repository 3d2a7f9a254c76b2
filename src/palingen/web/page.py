"""The browser page: templates, style, scripts and data of both laboratories in one HTML file that needs no network."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from palingen.gan.pretrained import PretrainedGenerator
from palingen.runtime.content_security import content_security_policy, policy_element
from palingen.runtime.paths import PACKAGE_DIR
from palingen.web.digits.data import digits_data
from palingen.web.memory.data import PageNetwork, memory_data

WEB = PACKAGE_DIR / "web"

SHARED_MATHS = ("decode", "random")
"""Scripts without DOM that both laboratories and their workers use."""

SHARED_PAGE = ("controls", "download", "tabs", "store")
"""Scripts of the page that both laboratories use, in the order in which they run."""


@dataclass(frozen=True)
class Lab:
    """A tab of the page: the template, the style and the scripts of one laboratory."""

    name: str
    title: str

    maths: tuple[str, ...]
    """Scripts without DOM, for the page and its worker, each after those that it uses at once."""

    page: tuple[str, ...]
    """Scripts of the page before the panels, in the order in which they run."""

    panels: tuple[str, ...]
    """Scripts of the panels, in the order of the page."""

    @property
    def folder(self) -> Path:
        """Folder of the template, the style and the scripts."""
        return WEB / self.name

    def html(self, data: Mapping[str, Any], *, is_only: bool) -> str:
        """The template with scripts and data, each JSON value of `data` at the placeholder of its name."""
        maths, page = self.scripts
        parts = {
            "maths": maths,
            "worker": (self.folder / "worker.js").read_text(),
            "page": page,
            **{name: _json(value) for name, value in data.items()},
        }
        content, scripts = _fill((self.folder / "index.html").read_text(), parts).split("<!-- scripts -->")
        role = "" if is_only else f' role="tabpanel" aria-labelledby="tab-{self.name}"'
        return f'<div class="lab" id="lab-{self.name}"{role} hidden>\n{content}</div>\n{scripts}'

    @property
    def scripts(self) -> tuple[str, str]:
        """Texts of the two scripts that run: the maths, and the page's."""
        panels = _join(self.folder / "panels", self.panels)
        return (
            _join(self.folder / "maths", self.maths),
            _join(self.folder, self.page) + panels + _join(self.folder, ["main"]),
        )


MEMORY = Lab(
    name="memory",
    title="Memory",
    maths=("palindromes", "products", "cells", "recurrence", "gradients", "readout", "training", "weights", "state"),
    page=("colours", "chart", "heatmap", "requests", "networks", "view", "scores", "families"),
    panels=(
        "settings",
        "read_along",
        "side_by_side",
        "change_digit",
        "gradient",
        "units",
        "length",
        "learning",
        "train_form",
        "train",
        "trust",
    ),
)

DIGITS = Lab(
    name="digits",
    title="Digits",
    maths=("convolutions", "network", "latents", "images", "inversion", "state"),
    page=("canvas", "requests", "view"),
    panels=(
        "current_digit",
        "samples",
        "interpolation",
        "latent_plane",
        "directions",
        "inversion",
        "training",
        "evaluation",
    ),
)


def build_page(generators: Sequence[PretrainedGenerator] = (), networks: Sequence[PageNetwork] = ()) -> str:
    """HTML of the page: a tab on which recurrent networks remember, and one that explores generators of digits.

    Args:
        generators: generators of single digits; without any, there is no tab "Digits".
        networks: networks that read palindromes; without any, there is no tab "Memory".

    Raises:
        PalingenError: a generator makes three digits at once, or has a layer that the page cannot compute.
        DataError: the scores or the snapshots of a run are damaged.
        RunError: the weights of a snapshot are missing or damaged.
    """
    data: dict[Lab, Mapping[str, Any]] = {}
    if networks:
        data[MEMORY] = {"networks": memory_data(networks)}
    if generators:
        data[DIGITS] = vars(digits_data(generators))
    is_only = len(data) == 1
    parts = {
        "style": "".join(
            (folder / "style.css").read_text() for folder in (WEB / "shared", *(lab.folder for lab in data))
        ),
        "tabs": "" if is_only else _tabs(list(data)),
        "shared_maths": _join(WEB / "shared", SHARED_MATHS),
        "shared_page": _join(WEB / "shared", SHARED_PAGE),
        "labs": "".join(lab.html(values, is_only=is_only) for lab, values in data.items()),
    }
    scripts = [parts["shared_maths"], parts["shared_page"], *(text for lab in data for text in lab.scripts)]
    parts["policy"] = policy_element(content_security_policy(scripts, [parts["style"]], worker=True))
    return _fill((WEB / "shared" / "index.html").read_text(), parts)


def _tabs(labs: Sequence[Lab]) -> str:
    buttons = (
        f'<button type="button" role="tab" id="tab-{lab.name}" data-lab="{lab.name}" aria-controls="lab-{lab.name}">'
        f"{lab.title}</button>"
        for lab in labs
    )
    return (
        f'<nav class="tabs"><b>palingen</b><div role="tablist" aria-label="Laboratories">{"".join(buttons)}</div></nav>'
    )


def _join(folder: Path, names: Sequence[str]) -> str:
    return "".join((folder / f"{name}.js").read_text() for name in names)


def _fill(template: str, parts: Mapping[str, str]) -> str:
    return re.sub(r"/\* (\w+) \*/", lambda placeholder: parts[placeholder[1]], template)


def _json(value: Any) -> str:
    """JSON that cannot end the script element around it."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
