"""What the tests share. Every call of the modules named here is checked against its shapes and types."""

import contextlib
import gzip
import io
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from jaxtyping import install_import_hook

# Not the modules with configs: those refuse wrong values in their own words, which are tested too.
CHECKED = [
    "palingen.adversarial.averaging",
    "palingen.adversarial.between",
    "palingen.adversarial.convolutional",
    "palingen.adversarial.directions",
    "palingen.adversarial.examples",
    "palingen.adversarial.explorer",
    "palingen.adversarial.export",
    "palingen.adversarial.game",
    "palingen.adversarial.images",
    "palingen.adversarial.latent",
    "palingen.adversarial.losses",
    "palingen.adversarial.metrics",
    "palingen.adversarial.networks",
    "palingen.adversarial.penalties",
    "palingen.adversarial.players",
    "palingen.adversarial.score",
    "palingen.adversarial.snapshots",
    "palingen.adversarial.stacked",
    "palingen.adversarial.trained",
    "palingen.adversarial.watch",
    "palingen.files",
    "palingen.loop",
    "palingen.recurrence.cells",
    "palingen.recurrence.exchange",
    "palingen.recurrence.network",
    "palingen.recurrence.palindromes",
    "palingen.recurrence.unroll",
    "palingen.report",
    "palingen.runs",
    "palingen.team",
    "palingen.weights",
]

with install_import_hook(CHECKED, "typechecker.checked"):
    import palingen.pictures
    import palingen.recipes
    import palingen.recurrence.exchange
    import palingen.report.page
    from palingen.adversarial.images import Images, load_images, write_images
    from palingen.adversarial.judge import load_judge
    from palingen.adversarial.score import Yardstick
    from palingen.cli import main

settings.register_profile("any machine", deadline=None)  # some are slow now and then
settings.load_profile("any machine")

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def processor() -> Iterator[None]:
    """Leave the processor as it was: a verb lets it flush subnormal numbers, a study has it compute with one thread."""
    threads = torch.get_num_threads()
    yield
    torch.set_flush_denormal(False)
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def palingen(tmp_path: Path) -> Command:
    """Run the command in an empty folder as a user would, but in this process, which has torch imported already."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = ["palingen", *map(str, arguments)]
        out, words, code = io.StringIO(), io.StringIO(), 0
        with (
            contextlib.chdir(tmp_path),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(words),
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.setattr(sys, "argv", command)
            try:
                main()
            except SystemExit as end:
                code = end.code
        return subprocess.CompletedProcess(command, code, out.getvalue(), words.getvalue())

    return run


@pytest.fixture(scope="session")
def few_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of IDX files with the first 200 training and 50 test images of MNIST."""
    folder = tmp_path_factory.mktemp("digits")
    for part, count in (("train", 200), ("t10k", 50)):
        images = load_images(part)
        write_images(folder, part, Images(images.pixels[:count], images.labels[:count]))
    return folder


@pytest.fixture(scope="session")
def real() -> Yardstick:
    """Against all test images, as in the protocol, but with a third of the training images."""
    training = load_images("train")
    return Yardstick(load_judge(), load_images("t10k"), Images(training.pixels[:20_000], training.labels[:20_000]))


def write_idx(path: Path, array: object) -> None:
    """Write an array of unsigned bytes in the IDX format."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(struct.pack(">I", size) for size in array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))
