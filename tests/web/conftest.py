"""Fixtures of the page's tests: trained generators, the page as a file, and a browser."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from digits_page import settle
from support import made_once, write_page_once
from torch import Tensor, nn

from palingen.gan.config import GanConfig
from palingen.gan.pretrained import load_generator
from palingen.gan.sampling.latents import append_one_hot, sample_latents
from palingen.gan.train import train_gan
from palingen.web.memory.data import page_network, shipped_runs
from palingen.web.page import build_page

KINDS = [(architecture, conditional) for architecture in ("mlp", "conv", "residual") for conditional in (False, True)]
NAMES = [f"{architecture}{'-conditional' * conditional}" for architecture, conditional in KINDS]


PARAMETERS = [
    pytest.param(kind, id=name, marks=[] if kind[1] else pytest.mark.torture)
    for kind, name in zip(KINDS, NAMES, strict=True)
]
"""Unconditional ones only in `make torture`: the conditional ones have all of their layers."""


@pytest.fixture(scope="session", params=PARAMETERS)
def trained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, few_digits: Path
) -> tuple[nn.Module, Tensor]:
    """Generator of each kind after a few steps, so that BatchNorm has statistics of its own; and 64 inputs."""
    architecture, conditional = request.param
    config = GanConfig(
        architecture=architecture, conditional=conditional, data=str(few_digits), epochs=2, batch_size=50,
        latent_dim=16, learning_rate=2e-4, monitor_samples=None,
    )  # fmt: skip
    name = f"run-{architecture}{'-conditional' * conditional}"
    folder = made_once(tmp_path_factory, name, lambda folder: train_gan(config, folder, torch.device("cpu")))
    labels = torch.arange(64) % 10 if conditional else None
    generator = load_generator(folder)
    inputs = append_one_hot(sample_latents(64, 16, seed=1), labels, generator.num_classes)
    return generator.generator, inputs


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, few_digits: Path) -> Path:
    """Run of a class-conditional residual generator: 13 steps, a snapshot every 5."""
    config = GanConfig(
        architecture="residual", conditional=True, data=str(few_digits), epochs=1, batch_size=16, latent_dim=64,
        save_interval=5, monitor_samples=None,
    )  # fmt: skip
    return made_once(tmp_path_factory, "residual-run", lambda folder: train_gan(config, folder, torch.device("cpu")))


@pytest.fixture(scope="session")
def page_file(tmp_path_factory: pytest.TempPathFactory, run_folder: Path) -> Path:
    """Page with the shipped generator of the course, and the barely trained one of `run_folder`."""
    return write_page_once(
        tmp_path_factory, "digits-page", lambda: build_page([load_generator("course"), load_generator(run_folder)])
    )


@pytest.fixture(scope="session")
def both_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Page with both laboratories, as `palingen explore` writes it."""
    return write_page_once(
        tmp_path_factory,
        "page-of-both",
        lambda: build_page([load_generator("course")], [page_network(run) for run in shipped_runs()]),
    )


@pytest.fixture
def open_page(chromium: Any, page_file: Path) -> Iterator[Callable[..., Any]]:
    """Open the page with a hash; afterwards, check that there were no errors and no requests to anywhere else."""
    contexts, errors, requests = [], [], []

    def open_it(link: str = "", **options: Any) -> Any:
        # Playwright's own waiting needs what the page's policy forbids; the test of the first images keeps the policy.
        context = chromium.new_context(viewport={"width": 1280, "height": 900}, **{"bypass_csp": True, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(page_file.as_uri() + link)
        page.wait_for_selector("#training-image[data-painted]")
        if "bypass_csp" not in options:
            settle(page)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert errors == []
    assert requests
    assert all(url.startswith(("file:", "blob:", "data:")) for url in requests)
