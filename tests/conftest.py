"""Fixtures, and the import hook that checks every call in the package against its shapes and types."""

import gc
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from browser import ARGUMENTS, find
from hypothesis import settings
from jaxtyping import install_import_hook
from PIL import Image, ImageDraw
from playwright.sync_api import sync_playwright
from support import ROOT, Command, made_once, run_in

gc.disable()  # while everything is imported, a garbage collection would find nothing, a dozen times

UNCHECKED = {
    "palingen.__main__",  # runs the command line when imported
    # Commands get their arguments from the command-line library, which has checked them.
    "palingen.cli",
    # Configs and layers refuse wrong values with messages of their own, which are tested.
    "palingen.gan.config",
    "palingen.gan.evaluation.classifier_training",
    "palingen.nn.checks",
    "palingen.nn.layers",
    "palingen.nn.parameters",
    "palingen.nn.stack",
    "palingen.recurrence.config",
    "palingen.runtime.json_io",  # checks the shape of every value itself, of hundreds of thousands in the records
    "palingen.runtime.parallel",
    "palingen.runtime.validation",
}
"""Modules whose calls are not checked, with all below them."""


def checked_modules() -> list[str]:
    """All modules of the package but the unchecked ones. A package would bring all its modules with it."""
    source = ROOT / "src"
    paths = [path for path in (source / "palingen").rglob("*.py") if path.name != "__init__.py"]
    names = [".".join(path.relative_to(source).with_suffix("").parts) for path in paths]
    return [name for name in names if not any(name == out or name.startswith(f"{out}.") for out in UNCHECKED)]


install_import_hook(checked_modules(), "typechecker.checked")  # before the first import of the package, and for good

from shared_evaluator import SharedEvaluator  # noqa: E402

from palingen.gan.data.mnist import LabeledImages, load_images, write_images  # noqa: E402
from palingen.gan.evaluation.evaluator import Evaluator  # noqa: E402

settings.register_profile("any machine", deadline=None)  # some are slow now and then
settings.load_profile("any machine")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Exclude all that is imported by now from garbage collections, which would search it every time."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def restore_numerics() -> Iterator[None]:
    """Restore threads and subnormal numbers, which training changes for the whole process."""
    threads = torch.get_num_threads()
    yield
    torch.set_flush_denormal(False)
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


@pytest.fixture
def palingen(tmp_path: Path) -> Command:
    """Run the command in an empty folder as a user would, but in this process, which has imported torch already."""
    return partial(run_in, tmp_path)


@pytest.fixture(scope="session")
def few_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of IDX files with the first 200 training and 50 test images of MNIST."""
    folder = tmp_path_factory.mktemp("digits")
    for split, count in (("train", 200), ("t10k", 50)):
        images = load_images(split)
        write_images(folder, split, LabeledImages(images.pixels[:count], images.labels[:count]))
    return folder


def draw_shapes(folder: Path) -> None:
    """Draw 200 rings, squares and slashes each, dark on light and of several sizes, and leave a broken file there."""
    generator = torch.Generator().manual_seed(0)
    for name in ("ring", "slash", "square"):
        (folder / name).mkdir()
        for index in range(200):
            left, top, size, ink = torch.randint(40, (4,), generator=generator).tolist()
            picture = Image.new("L", (100, 90 + index % 20), 255)
            pen, box = ImageDraw.Draw(picture), (left, top, left + 30 + size // 2, top + 30 + size // 2)
            if name == "slash":
                pen.line(box, fill=ink, width=12)
            else:
                (pen.ellipse if name == "ring" else pen.rectangle)(box, outline=ink, width=10)
            picture.save(folder / name / f"{index:03d}.png")
    (folder / "ring" / "broken.png").write_text("no picture")


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures of three classes, which are no digits."""
    return made_once(tmp_path_factory, "shapes", draw_shapes)


@pytest.fixture(scope="session")
def shapes_run(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Run folder of a class-conditional generator of `shapes`, trained briefly, and a cache with their classifier."""

    def train(folder: Path) -> None:
        network = ("--conditional", "--latent-dim", "8", "--batch-size", "50", "--monitor-samples", "100")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PALINGEN_CACHE", str(folder / "cache"))
            for command in (
                ("classifier", "train", "--data", shapes, "--epochs", "8"),
                ("gan", "train", "--data", shapes, "--epochs", "6", *network, "--out", folder / "run"),
            ):
                run = run_in(folder, *command)
                assert run.returncode == 0, run.stderr

    folder = made_once(tmp_path_factory, "shapes-run", train)
    return folder / "run", folder / "cache"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless browser, one for all tests of the process: Playwright cannot be started twice beside itself."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def evaluator(tmp_path_factory: pytest.TempPathFactory) -> Evaluator:
    """Evaluator against all test images, with a third of the training images, and two subsets for each control."""
    return SharedEvaluator(tmp_path_factory)
